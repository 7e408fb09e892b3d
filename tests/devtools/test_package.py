"""`./dev package` builds complete addons from the last commit."""

import email
import re
import zipfile

import pytest

from devtools import package, paths


@pytest.fixture(scope="module", params=paths.addons())
def built(request, tmp_path_factory):
    """The name of an addon, and the folder with its built files."""
    folder = tmp_path_factory.mktemp("dist")
    package.build(request.param, folder)
    return request.param, folder


def test_the_zip_has_one_folder_with_all_that_the_manifest_and_the_apps_page_name(built):
    addon, folder = built
    manifest = paths.read_manifest(paths.REPOSITORY / addon)
    with zipfile.ZipFile(folder / f"{addon}-{manifest['version']}.zip") as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {addon}
    page = (paths.REPOSITORY / addon / "static" / "description" / "index.html").read_text()
    pictures = [f"static/description/{name}" for name in re.findall(r'src="([^"]+)"', page)]
    named = [*manifest["data"], *manifest.get("demo", ()), *manifest["images"], *pictures, "LICENSE", "README.rst"]
    assert [name for name in named if f"{addon}/{name}" not in names] == []
    assert f"{addon}/pyproject.toml" not in names
    assert not re.search(r"<script|https?://|href=", page), "the Apps page links to nothing outside"


def test_the_wheel_installs_the_addon_where_odoo_finds_it(built):
    addon, folder = built
    manifest = paths.read_manifest(paths.REPOSITORY / addon)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"odoo_addon_{addon}-{manifest['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert f"odoo/addons/{addon}/__manifest__.py" in archive.namelist()
        (metadata_file,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(metadata_file))
    assert metadata["License"] == "LGPL-3"
    assert metadata.get_all("Requires-Dist") == ["odoo==19.0.*"]


def test_the_same_commit_gives_the_same_bytes(built, tmp_path):
    addon, folder = built
    package.build(addon, tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }
