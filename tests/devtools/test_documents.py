"""The documents' links, labels, pictures and commands exist."""

import ast
import re
import xml.etree.ElementTree as ElementTree

import polib
import pytest

from devtools import paths

DOCUMENTS = sorted(
    str(path.relative_to(paths.REPOSITORY))
    for pattern in ("*.md", "docs/*.md", "devtools/*.md", "*/readme/*.md")
    for path in paths.REPOSITORY.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Labels of the user interface are in italics: *Website › Configuration › Settings*.
ON_SCREEN = re.compile(r"(?<![\w*])\*([^*\s][^*]*?)\*(?![\w*])")
ODOO_ADDONS = ("base", "base_setup", "contacts", "mail", "portal", "auth_signup", "account", "sale", "sale_management")
ODOO_ADDONS += ("website", "website_sale", "web", "product", "base_import", "payment", "sales_team")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_inside_the_repository_leads_to_something(name):
    document = paths.REPOSITORY / name
    links = [link for link in LINK.findall(document.read_text()) if not re.match(r"https?://|#", link)]
    assert [link for link in links if not (document.parent / link.partition("#")[0]).exists()] == []


@pytest.fixture(scope="session")
def screen(odoo_source):
    """The texts that the user interface may show: those of the addons' files, and Odoo's translatable texts."""
    texts = set()
    for addon in paths.addons():
        for path in (paths.REPOSITORY / addon).rglob("*.xml"):
            for element in ElementTree.parse(path).iter():
                texts |= {element.text or "", element.tail or "", *element.attrib.values()}
        for path in (paths.REPOSITORY / addon).glob("[cmpw]*/*.py"):  # controllers, models, pages, wizards
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.add(node.value)
        texts.add(paths.read_manifest(paths.REPOSITORY / addon)["name"])
    for folder in odoo_source.addons_paths:
        for addon in ODOO_ADDONS:
            for path in (folder / addon).glob("i18n/*.pot"):
                texts |= {entry.msgid for entry in polib.pofile(str(path))}
    return {" ".join(text.split()) for text in texts}


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name != "docs/deployment.md"])
def test_settings_and_menus_are_called_as_they_are_on_the_screen(name, screen):
    text = re.sub(r"```.*?```|`[^`]*`", "", (paths.REPOSITORY / name).read_text(), flags=re.DOTALL)
    named = [part for phrase in ON_SCREEN.findall(text) for part in " ".join(phrase.split()).split(" › ")]
    assert [part for part in named if part not in screen] == []


@pytest.mark.parametrize("addon", paths.addons())
def test_every_picture_is_shown_somewhere(addon):
    folder = paths.REPOSITORY / addon
    texts = [path.read_text() for path in (folder / "static" / "description" / "index.html", *folder.glob("*/*.md"))]
    shown = set(re.findall(r"[\w-]+\.png", "".join(texts))) | {"icon.png", "banner.png"}
    assert sorted(path.name for path in folder.glob("static/description/*.png") if path.name not in shown) == []


def test_contributing_names_every_command():
    text = (paths.REPOSITORY / "CONTRIBUTING.md").read_text()
    commands = re.findall(r'add\(\s*"([\w-]+)"', (paths.REPOSITORY / "devtools" / "cli.py").read_text())
    assert "screenshots" in commands
    assert [command for command in commands if f"`./dev {command}" not in text] == []
