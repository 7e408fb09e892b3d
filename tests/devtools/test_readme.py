"""The addons' README.rst is what their fragments say."""

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


def test_a_changed_fragment_is_noticed(addon):
    (addon / "readme" / "DESCRIPTION.md").write_text("Sells *nothing*.\n")
    result = readme.check("shop")
    assert result.failed
    assert "./dev readme" in result.details[0]


def test_a_new_fragment_is_noticed(addon):
    (addon / "readme" / "USAGE.md").write_text("Open it.\n")
    assert readme.check("shop").failed


def test_a_new_name_of_the_addon_is_noticed(addon):
    (addon / "__manifest__.py").write_text("{'name': 'Store'}")
    assert readme.check("shop").failed


def test_a_missing_readme_is_noticed(addon):
    readme.target("shop").unlink()
    assert readme.check("shop").failed


def test_the_benchmarks_summary_replaces_the_one_before():
    text = "# Shop\n\n<!-- benchmark -->\nold\n<!-- /benchmark -->\n\nThe end.\n"
    results = "# Results\n\n| a | b |\n\n## Details\n\nmore\n"
    shown = readme.show_benchmark(text, results)
    assert shown == "# Shop\n\n<!-- benchmark -->\n| a | b |\n<!-- /benchmark -->\n\nThe end.\n"


def test_the_readme_has_a_place_for_the_benchmark():
    assert readme.BENCHMARK.search(readme.README.read_text())
