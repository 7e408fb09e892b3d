"""pylint-odoo checks an addon again if any of its files has changed."""

import pytest

from devtools import lint

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
