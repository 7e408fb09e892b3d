"""The code that both addons contain, because each works without the other, is the same."""

import ast

import pytest

from devtools import paths

ADDONS = ("portal_agent_account", "sale_auto_portal_user")
NO_TEMPLATE_USER = "There is no portal template user: the system parameter base.template_portal_user_id names none."


def read_models(addon):
    """:return: the syntax trees of an addon's models"""
    return [ast.parse(path.read_text()) for path in sorted((paths.REPOSITORY / addon / "models").glob("*.py"))]


def find_constants(addon, name):
    """:return: the values of a constant in an addon's models"""
    return {
        ast.literal_eval(node.value)
        for tree in read_models(addon)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == name for target in node.targets)
    }


def test_both_addons_read_the_address_in_a_login_in_the_same_way():
    readings = [find_constants(addon, "LOGIN_ADDRESS_SQL") for addon in ADDONS]
    assert [len(reading) for reading in readings] == [1, 1]
    assert readings[0] == readings[1]


@pytest.mark.parametrize("text", ["base.template_portal_user_id", NO_TEMPLATE_USER])
def test_both_addons_model_new_accounts_on_the_same_user_and_say_the_same_without_it(text):
    for addon in ADDONS:
        strings = {
            node.value for tree in read_models(addon) for node in ast.walk(tree) if isinstance(node, ast.Constant)
        }
        assert text in strings, addon


@pytest.mark.parametrize("path", ["models/mail_markup.py", "tools.py", "tests/kept_caches.py"])
def test_files_that_both_addons_contain_are_the_same(path):
    sources = {(paths.REPOSITORY / addon / path).read_text() for addon in ADDONS}
    assert len(sources) == 1
