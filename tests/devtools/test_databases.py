"""Templates are created once, completely or not at all, and again when their contents change."""

import subprocess
import threading

import pytest

from devtools import databases as module
from devtools.databases import Databases, Recipe, hash_addon
from devtools.errors import DevError
from devtools.postgres import EmbeddedCluster

RECIPE = Recipe("trial", ("base",))


@pytest.fixture
def trial(cluster, tmp_path):
    """The databases of the running server, with attachments in the test's folder."""
    made = Databases(cluster, tmp_path)
    yield made
    for name in made.names():
        if "_trial_" in name:
            made.drop(name)


@pytest.fixture
def installed(monkeypatch):
    """Create empty databases instead of installing modules with Odoo; the list has their names."""
    names = []

    def install(self, odoo, name, *arguments, **options):
        names.append(name)
        self.cluster.query("postgres", f'CREATE DATABASE "{name}"')
        if names[0] == "fail":
            names.remove("fail")
            raise DevError("Odoo couldn't install base.")

    monkeypatch.setattr(Databases, "install", install)
    return names


def test_a_template_is_made_once(trial, installed, odoo_source, tmp_path):
    first = trial.prepare(RECIPE, odoo_source, tmp_path / "log")
    assert trial.prepare(RECIPE, odoo_source, tmp_path / "log") == first
    assert len(installed) == 1
    assert trial.exists(first)


def test_an_installation_that_fails_leaves_no_template(trial, installed, odoo_source, tmp_path):
    installed.append("fail")
    with pytest.raises(DevError):
        trial.prepare(RECIPE, odoo_source, tmp_path / "log")
    assert not trial.exists(RECIPE.database(odoo_source))
    assert trial.exists(trial.prepare(RECIPE, odoo_source, tmp_path / "log"))


def test_old_templates_are_dropped(trial, installed, odoo_source, tmp_path, monkeypatch):
    other = trial.prepare(Recipe(f"{RECIPE.label}_shop", ("base",)), odoo_source, tmp_path / "log")
    made = []
    for number in range(4):
        monkeypatch.setattr(Recipe, "key", lambda self, odoo, number=number: f"v{number}")
        made.append(trial.prepare(RECIPE, odoo_source, tmp_path / "log"))
    assert [name for name in trial.names() if name in made] == made[-module.KEPT_VERSIONS :]
    assert trial.exists(other), "its label only begins with this one"


def test_who_has_just_left_a_database_may_take_a_while_to_be_gone(trial):
    name = "portal_accounts_trial_left"
    trial.cluster.query("postgres", f'CREATE DATABASE "{name}"')
    # PostgreSQL itself waits five seconds.
    leaving = threading.Timer(6, trial.cluster.connect(name).close)
    leaving.start()
    trial.rename(name, f"{name}_at_last")
    assert trial.exists(f"{name}_at_last")


def test_databases_and_their_attachments_are_spread_over_the_disk(cluster, databases):
    folders = [databases.filestore("any").parent]
    folders += [cluster.data / "base"] if isinstance(cluster, EmbeddedCluster) else []
    for folder in folders:
        listed = subprocess.run(["lsattr", "-d", folder], capture_output=True, text=True, check=False)
        assert listed.returncode or "T" in listed.stdout.split()[0], "not every file system has attributes"


def test_the_template_changes_with_the_modules_the_demo_data_and_the_base(odoo_source):
    recipes = [
        RECIPE,
        Recipe("trial", ("base", "web")),
        Recipe("trial", ("base",), demo=True),
        Recipe("trial", ("base",), base=Recipe("below", ("web",))),
    ]
    assert len({recipe.database(odoo_source) for recipe in recipes}) == len(recipes)


def test_an_addons_files_count_its_translations_too_but_not_its_tests(tmp_path, monkeypatch):
    monkeypatch.setattr(module.paths, "REPOSITORY", tmp_path)
    for path, counts in (
        ("__manifest__.py", True),
        ("tests/test_shop.py", False),
        (".ruff_cache/0.1", False),
        ("i18n/fr.po", True),
    ):
        before = hash_addon("shop")
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text("{}")
        assert (hash_addon("shop") != before) == counts, path
