"""Templates are made once, completely or not at all, and cloned with their attachments."""

import pytest

from devtools import databases as module
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
