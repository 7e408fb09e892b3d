"""What the documents name is there."""

import io
import re

import pytest

from devtools import paths, pictures

DOCUMENTS = sorted(
    str(path.relative_to(paths.REPOSITORY))
    for pattern in ("*.md", "docs/*.md", "devtools/*.md", "*/readme/*.md")
    for path in paths.REPOSITORY.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_inside_the_repository_leads_to_something(name):
    document = paths.REPOSITORY / name
    links = [link for link in LINK.findall(document.read_text()) if not re.match(r"https?://|#", link)]
    assert [link for link in links if not (document.parent / link.partition("#")[0]).exists()] == []


def test_the_readme_names_every_command():
    text = (paths.REPOSITORY / "README.md").read_text()
    commands = re.findall(r'add\(\s*"([\w-]+)"', (paths.REPOSITORY / "devtools" / "cli.py").read_text())
    assert "screenshots" in commands
    assert [command for command in commands if f"`./dev {command}" not in text] == []


def test_a_picture_keeps_its_size_and_gives_the_same_bytes_each_time():
    from PIL import Image

    drawing = Image.linear_gradient("L").convert("RGB").resize((390, 844))
    output = io.BytesIO()
    drawing.save(output, format="PNG")
    compressed = pictures.compress(output.getvalue())
    assert compressed == pictures.compress(output.getvalue())
    assert Image.open(io.BytesIO(compressed)).size == (390, 844)
