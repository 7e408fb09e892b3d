"""What `./dev package` builds: an addon, whole, and nothing that a tool has left beside it."""

import ast
import email
import re
import zipfile

import pytest

from devtools import package, paths

ADDONS = paths.addons()


@pytest.fixture(scope="module", params=ADDONS)
def source(request, tmp_path_factory):
    """The clean copy of an addon."""
    return package.collect(request.param, tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def zip_names(source, tmp_path_factory):
    """What is in an addon's zip file."""
    with zipfile.ZipFile(package.make_zip(source, tmp_path_factory.mktemp("dist"))) as archive:
        return archive.namelist()


def read_manifest(source):
    return ast.literal_eval((source / "__manifest__.py").read_text())


def test_the_zip_has_one_folder_named_as_the_addon_with_its_manifest(source, zip_names):
    assert {name.split("/")[0] for name in zip_names} == {source.name}
    assert f"{source.name}/__manifest__.py" in zip_names


def test_all_files_that_the_manifest_names_are_in_the_zip(source, zip_names):
    manifest = read_manifest(source)
    named = [*manifest["data"], *manifest.get("demo", ()), *manifest["images"]]
    assert [name for name in named if f"{source.name}/{name}" not in zip_names] == []


def test_the_apps_page_and_the_licence_are_in_the_zip(source, zip_names):
    for name in ("LICENSE", "README.rst", "static/description/index.html", "static/description/icon.png"):
        assert f"{source.name}/{name}" in zip_names


def test_the_apps_page_shows_pictures_that_are_there_and_links_to_nothing_outside(source, zip_names):
    text = (source / "static" / "description" / "index.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', text)
    assert pictures
    assert [name for name in pictures if f"{source.name}/static/description/{name}" not in zip_names] == []
    assert not re.search(r"<script|https?://|href=", text)


def test_nothing_of_tools_and_caches_is_in_the_zip(tmp_path, monkeypatch):
    addon = tmp_path / "repository" / "shop"
    for name in ("__manifest__.py", "models/__pycache__/a.pyc", ".ruff_cache/x", "models/a.py.orig", "models/a.py"):
        (addon / name).parent.mkdir(parents=True, exist_ok=True)
        (addon / name).write_text("{'version': '19.0.1.0.0'}")
    monkeypatch.setattr(paths, "REPOSITORY", addon.parent)
    with zipfile.ZipFile(package.make_zip(package.collect("shop", tmp_path), tmp_path)) as archive:
        assert archive.namelist() == ["shop/__manifest__.py", "shop/models/a.py"]


def test_the_same_addon_gives_the_same_bytes(source, tmp_path):
    (tmp_path / "again").mkdir()
    first = package.make_zip(source, tmp_path)
    # A copy made later, with other dates.
    second = package.make_zip(package.collect(source.name, tmp_path / "again"), tmp_path / "again")
    assert first.read_bytes() == second.read_bytes()


def test_the_wheel_installs_the_addon_where_odoo_finds_it(source, tmp_path):
    manifest = read_manifest(source)
    wheel = package.make_wheel(source, tmp_path)
    assert wheel.name == f"odoo_addon_{source.name}-{manifest['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert f"odoo/addons/{source.name}/__manifest__.py" in archive.namelist()
        assert not [name for name in archive.namelist() if name.endswith((".pyc", "pyproject.toml"))]
        (metadata_file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_file))
    assert metadata["Version"] == manifest["version"]
    assert metadata["Summary"] == manifest["summary"]
    assert metadata["License"] == "LGPL-3"
    assert metadata.get_all("Requires-Dist") == ["odoo==19.0.*"]
