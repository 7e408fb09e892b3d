"""A translation that would show English, lose a value or break a page doesn't pass."""

import polib
import pytest

from devtools import i18n, paths

GREETING = "<b>Hello</b> %(name)s, {{ object.shop }}: "


@pytest.fixture
def check(tmp_path):
    """A function that checks translations of a template with one text."""

    def check_texts(translations, text=GREETING, flags=()):
        template, translation = tmp_path / "shop.pot", tmp_path / "de.po"
        save(template, {text: ""})
        save(translation, translations, flags)
        return i18n.check_language(translation, template)

    return check_texts


def save(path, texts, flags=()):
    file = polib.POFile()
    file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    for msgid, msgstr in texts.items():
        file.append(polib.POEntry(msgid=msgid, msgstr=msgstr, flags=list(flags)))
    file.save(str(path))


def test_a_translation_may_change_the_order_of_what_it_keeps(check):
    assert check({"<b>Hello</b> %(name)s": "%(name)s, <b>hallo</b>"}, text="<b>Hello</b> %(name)s") == []


def test_a_percent_sign_in_a_text_is_no_placeholder(check):
    assert check({"50 % off": "50 % Rabatt, 100 % sicher"}, text="50 % off") == []


def test_a_missing_and_a_superfluous_text_are_named(check):
    assert check({"Goodbye": "Tschüss"}) == [f"missing: {GREETING!r}", "stale: 'Goodbye'"]


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_a_text_without_a_translation_is_named(check, nothing):
    assert check({GREETING: nothing}) == [f"empty: {GREETING!r}"]


def test_a_fuzzy_translation_is_not_finished(check):
    assert check({"Hello": "Hallo"}, text="Hello", flags=["fuzzy"]) == ["fuzzy: 'Hello'"]


@pytest.mark.parametrize(
    ("translation", "faults"),
    [
        (GREETING.replace("%(name)s", "%(nom)s"), ["'%(name)s' lost", "'%(nom)s' added"]),
        (GREETING.replace("{{ object.shop }}", "Shop"), ["'{{ object.shop }}' lost"]),
        (GREETING.replace("<b>", '<b class="big">'), ["'<b>' lost", "'<b class=\"big\">' added"]),
        (GREETING.replace("</b>", ""), ["'</b>' lost"]),
        (GREETING + "%s ", ["'%s' added"]),
        (GREETING.rstrip(), ["other whitespace around it"]),
        ("\n" + GREETING, ["other whitespace around it"]),
    ],
)
def test_what_a_translation_must_keep_is_compared(check, translation, faults):
    assert check({GREETING: translation}) == [f"{fault}: {GREETING!r}" for fault in faults]


def test_a_translation_that_cannot_be_read_is_a_fault(tmp_path):
    template, translation = tmp_path / "shop.pot", tmp_path / "de.po"
    save(template, {"Hello": ""})
    translation.write_text('msgid "Hello"\nHallo\n')
    assert "de.po" in " ".join(i18n.check_language(translation, template))


def test_a_new_template_keeps_what_is_translated(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path)
    folder = tmp_path / "shop" / "i18n"
    folder.mkdir(parents=True)
    save(folder / "shop.pot", {"Hello": "", "Bye": ""})
    save(folder / "de.po", {"Hello": "Hallo", "Bye": "Tschüss"})
    save(tmp_path / "exported.pot", {"New": "", "Hello": ""})
    i18n.write("shop", tmp_path / "exported.pot")
    translated = {entry.msgid: entry.msgstr for entry in polib.pofile(str(folder / "de.po"))}
    assert list(translated.items()) == [("New", ""), ("Hello", "Hallo")]
