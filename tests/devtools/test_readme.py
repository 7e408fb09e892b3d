"""The addons' README.rst matches their fragments."""

import pytest

from devtools import paths, readme


@pytest.fixture
def addon(tmp_path, monkeypatch):
    """An addon with one fragment."""
    (tmp_path / "shop" / "readme").mkdir(parents=True)
    (tmp_path / "shop" / "__manifest__.py").write_text("{'name': 'Shop'}")
    (tmp_path / "shop" / "readme" / "DESCRIPTION.md").write_text("Sells *things*.\n")
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path)
    monkeypatch.setattr(readme, "convert", lambda text: text.replace("*", "**").strip())
    readme.target("shop").write_text(readme.generate("shop"))
    return tmp_path / "shop"


def test_a_readme_just_written_is_in_step_with_its_fragments(addon):
    assert "Sells **things**." in readme.target("shop").read_text()
    assert readme.check("shop").passed


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("readme/DESCRIPTION.md", "Sells *nothing*.\n"),
        ("readme/USAGE.md", "Open it.\n"),
        ("__manifest__.py", "{'name': 'Store'}"),
        ("README.rst", ""),
    ],
)
def test_what_has_changed_since_is_noticed(addon, path, text):
    (addon / path).write_text(text)
    result = readme.check("shop")
    assert result.failed
    assert "./dev readme" in result.details[0]
