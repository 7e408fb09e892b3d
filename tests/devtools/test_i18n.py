"""The check finds translations that are missing, lose a value or break a page."""

import polib
import pytest

from devtools import i18n, paths

GREETING = "<b>Hello</b> %(name)s, {{ object.shop }}: "


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of an addon's translations."""
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path)
    (tmp_path / "shop" / "i18n").mkdir(parents=True)
    return tmp_path / "shop" / "i18n"


@pytest.fixture
def check(folder):
    """A function that checks the translations of a template with one text."""

    def check_texts(translations, text=GREETING, flags=()):
        save(folder / "shop.pot", {text: ""})
        save(folder / "de.po", translations, flags)
        return i18n.check_languages("shop")

    return check_texts


def save(path, texts, flags=()):
    file = polib.POFile()
    file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    for msgid, msgstr in texts.items():
        file.append(polib.POEntry(msgid=msgid, msgstr=msgstr, flags=list(flags)))
    file.save(str(path))


@pytest.mark.parametrize(
    ("text", "translation"),
    [("<b>Hello</b> %(name)s", "%(name)s, <b>hallo</b>"), ("50 % off", "50 % Rabatt, 100 % sicher")],
    ids=["another order", "a percent sign"],
)
def test_a_good_translation_passes(check, text, translation):
    assert check({text: translation}, text) == []


def test_a_missing_and_a_superfluous_text_are_named(check):
    faults = " ".join(check({"Goodbye": "Tschüss"}))
    assert repr(GREETING) in faults
    assert "Goodbye" in faults


@pytest.mark.parametrize(("translation", "flags"), [("", ()), ("\n", ()), ("Hallo", ("fuzzy",))])
def test_a_text_without_a_finished_translation_is_named(check, translation, flags):
    assert check({"Hello": translation}, "Hello", flags)


@pytest.mark.parametrize(
    "translation",
    [
        GREETING.replace("%(name)s", "%(nom)s"),
        GREETING.replace("{{ object.shop }}", "Shop"),
        GREETING.replace("<b>", '<b class="big">'),
        GREETING + "%s ",
        GREETING.rstrip(),
    ],
)
def test_a_translation_keeps_values_tags_and_the_whitespace_around_it(check, translation):
    assert check({GREETING: translation})


def test_a_translation_that_cannot_be_read_is_a_fault(folder):
    save(folder / "shop.pot", {"Hello": ""})
    (folder / "de.po").write_text('msgid "Hello"\nHallo\n')
    assert "de.po" in " ".join(i18n.check_languages("shop"))


def test_a_new_template_keeps_what_is_translated(folder):
    save(folder / "shop.pot", {"Hello": "", "Bye": ""})
    save(folder / "de.po", {"Hello": "Hallo", "Bye": "Tschüss"})
    save(folder / "exported.pot", {"New": "", "Hello": ""})
    i18n.write("shop", folder / "exported.pot")
    translated = {entry.msgid: entry.msgstr for entry in polib.pofile(str(folder / "de.po"))}
    assert list(translated.items()) == [("New", ""), ("Hello", "Hallo")]
