"""Slow checks run again if any of the files has changed."""

import shutil

import pytest

from devtools import i18n, lint

MANIFEST = """{
    "name": "Trial",
    "version": "19.0.1.0.0",
    "author": "Portal Accounts contributors",
    "license": "LGPL-3",
    "depends": ["base"],
}
"""
BAD = 'print("a trace")\n'


@pytest.fixture
def addon(home, tmp_path):
    """The folder of an addon without a finding."""
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "__manifest__.py").write_text(MANIFEST)
    (folder / "README.rst").touch()
    return folder


def test_a_change_is_found_after_a_check_that_found_nothing(addon):
    result = lint.check_with_pylint(addon)
    assert (result.passed, result.failed) == (1, 0), result.details
    (addon / "__init__.py").write_text(BAD)
    for _time in range(2):  # findings are reported each time
        result = lint.check_with_pylint(addon)
        assert result.failed
        assert "print-used" in "\n".join(result.details)
    (addon / "__init__.py").write_text("")
    assert lint.check_with_pylint(addon).passed, "these files are known"


def test_templates_are_exported_again_after_a_change_or_a_finding(home, tmp_path):
    addon, path, exports = "sale_auto_portal_user", tmp_path / "exported.pot", []

    def export():
        exports.append(path)
        return {addon: path}

    def check(digest):
        (result,) = lint.check_translations([addon], digest, export)
        return result.passed, len(exports)

    shutil.copy(i18n.template(addon), path)
    assert [check(digest) for digest in ("old", "old", "new", "new")] == [(1, 1), (1, 1), (1, 2), (1, 2)]
    with path.open("a") as file:
        file.write('\nmsgid "A new text"\nmsgstr ""\n')
    assert [check("next"), check("next")] == [(0, 3), (0, 4)]
