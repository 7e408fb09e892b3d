"""Templates are made once, completely or not at all, and cloned with their attachments."""

import os

import psycopg2
import pytest

from devtools import databases as module
from devtools import recipes
from devtools.databases import Databases, Recipe, hash_addon
from devtools.errors import DevError

RECIPE = Recipe("trial", ("base",))


@pytest.fixture
def trial(cluster, tmp_path):
    """Databases of the running server, with attachments in a folder of this test."""
    made = Databases(cluster, tmp_path)
    yield made
    for name in made.names():
        if "_trial_" in name:
            made.drop(name)


@pytest.fixture
def fake_install(monkeypatch):
    """Make an empty database instead of letting Odoo install anything; count how often."""
    installed = []

    def install(self, odoo, name, *arguments, **options):
        installed.append(name)
        self.cluster.query("postgres", f'CREATE DATABASE "{name}"')

    monkeypatch.setattr(Databases, "install", install)
    return installed


def test_a_template_is_made_once(trial, fake_install, odoo_source, tmp_path):
    first = trial.prepare(RECIPE, odoo_source, tmp_path / "log")
    assert trial.prepare(RECIPE, odoo_source, tmp_path / "log") == first
    assert len(fake_install) == 1
    assert trial.exists(first)


def test_an_installation_that_fails_leaves_no_template(trial, fake_install, odoo_source, tmp_path, monkeypatch):
    complete = Databases.install

    def fail(self, odoo, name, *arguments, **options):
        complete(self, odoo, name)
        raise DevError("Odoo couldn't install base.")

    monkeypatch.setattr(Databases, "install", fail)
    with pytest.raises(DevError):
        trial.prepare(RECIPE, odoo_source, tmp_path / "log")
    assert not trial.exists(RECIPE.database(odoo_source))
    monkeypatch.setattr(Databases, "install", complete)
    assert trial.exists(trial.prepare(RECIPE, odoo_source, tmp_path / "log"))


def test_old_templates_are_dropped(trial, fake_install, odoo_source, tmp_path, monkeypatch):
    made = []
    other = trial.prepare(Recipe(f"{RECIPE.label}_shop", ("base",)), odoo_source, tmp_path / "log")
    for number in range(4):
        monkeypatch.setattr(Recipe, "key", lambda self, odoo, number=number: f"v{number}")
        made.append(trial.prepare(RECIPE, odoo_source, tmp_path / "log"))
    assert [name for name in trial.names() if name in made] == made[-module.KEPT_VERSIONS :]
    assert trial.exists(other), "a label that begins like this one"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one addon, which has one script."""
    monkeypatch.setattr(module.paths, "REPOSITORY", tmp_path / "checkout")
    script = tmp_path / "checkout" / "shop" / "static" / "src" / "shop.js"
    script.parent.mkdir(parents=True)
    script.write_text("sell();")
    (tmp_path / "checkout" / "shop" / "__manifest__.py").write_text("{}")
    return script


def test_another_checkout_makes_the_bundles_anew_and_installs_nothing(
    trial, fake_install, checkout, odoo_source, tmp_path, monkeypatch
):
    warmed_up = []
    monkeypatch.setattr(module.server, "run_script", lambda *arguments: warmed_up.append(arguments[-1]))
    installed = Recipe("trial", ("shop",))
    recipe = Recipe("trial_bundles", base=installed, warm_up="make bundles", has_bundles=True)

    def prepare():
        return trial.prepare(recipe, odoo_source, tmp_path / "log")

    first = prepare()
    assert (prepare(), len(fake_install), warmed_up) == (first, 1, ["make bundles"])
    os.utime(checkout, (1, 1))
    second = prepare()
    assert second != first
    assert (prepare(), len(fake_install), warmed_up) == (second, 1, ["make bundles"] * 2)
    checkout.write_text("give_away();")
    assert (prepare() != second, len(fake_install)) == (True, 2)


def test_the_demo_shop_remembers_the_times_of_the_scripts_that_its_bundles_were_made_of():
    assert recipes.demo_with_addons().has_bundles
    assert not recipes.demo_with_addons().base.has_bundles


def test_who_has_just_left_a_database_may_take_a_while_to_be_gone(trial, monkeypatch):
    statements = []

    def query(database, statement):
        statements.append(statement)
        if len(statements) < 3:
            raise psycopg2.errors.ObjectInUse

    with monkeypatch.context() as patch:
        patch.setattr(trial.cluster, "query", query)
        trial.rename("shop_partial", "shop")
    assert statements == ['ALTER DATABASE "shop_partial" RENAME TO "shop"'] * 3


def test_who_stays_in_a_database_is_an_error(trial, monkeypatch):
    def query(database, statement):
        raise psycopg2.errors.ObjectInUse

    monkeypatch.setattr(module, "LONGEST_LEAVING", 0)
    with monkeypatch.context() as patch, pytest.raises(psycopg2.errors.ObjectInUse):
        patch.setattr(trial.cluster, "query", query)
        trial.rename("shop_partial", "shop")


def test_a_clone_has_the_rows_and_the_attachments(trial, fake_install, odoo_source, tmp_path):
    template = trial.prepare(RECIPE, odoo_source, tmp_path / "log")
    trial.cluster.query(template, "CREATE TABLE shelf AS SELECT 42 AS book")
    attachment = trial.filestore(template) / "ab" / "abcd"
    attachment.parent.mkdir(parents=True)
    attachment.write_text("a picture")
    clone = f"{template}_trial_clone"
    trial.clone(template, clone)
    assert trial.cluster.query(clone, "SELECT book FROM shelf") == [(42,)]
    assert (trial.filestore(clone) / "ab" / "abcd").read_text() == "a picture"
    trial.drop(clone)
    assert attachment.exists()


def test_the_template_changes_with_odoo_the_modules_the_demo_data_and_the_base(odoo_source):
    recipes = [
        RECIPE,
        Recipe("trial", ("base", "web")),
        Recipe("trial", ("base",), demo=True),
        Recipe("trial", ("base",), base=Recipe("below", ("web",))),
    ]
    assert len({recipe.database(odoo_source) for recipe in recipes}) == len(recipes)


def test_an_addons_files_count_its_translations_too_but_not_its_tests(tmp_path, monkeypatch):
    monkeypatch.setattr(module.paths, "REPOSITORY", tmp_path)
    addon = tmp_path / "shop"
    (addon / "tests").mkdir(parents=True)
    (addon / "__manifest__.py").write_text("{}")
    before = hash_addon("shop")
    (addon / "tests" / "test_shop.py").write_text("assert True")
    (addon / ".ruff_cache").mkdir()
    (addon / ".ruff_cache" / "0.1").write_text("a tool's")
    assert hash_addon("shop") == before
    for path, text in (("__manifest__.py", "{'version': '2'}"), ("i18n/fr.po", "")):
        (addon / path).parent.mkdir(exist_ok=True)
        (addon / path).write_text(text)
        assert hash_addon("shop") != before
        before = hash_addon("shop")
