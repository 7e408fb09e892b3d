"""The addons' translation templates: exported by Odoo, written, compared. Their translations: checked."""

import re
from collections import Counter

import polib

from . import paths, server

# Runs in Odoo's shell: `odoo i18n export` takes the database server from a file only, and starts Odoo for each addon.
EXPORT = """
from pathlib import Path
from odoo.tools.translate import trans_export
for addon, path in {targets!r}.items():
    with Path(path).open("wb") as file:
        trans_export(None, [addon], file, "po", env)
"""

# What a translation repeats as it is: values that are filled in, and tags with all their attributes. By hand: the
# checks of pylint-odoo and OCA's hooks look at Python's place-holders only.
KEPT = re.compile(r"%(?:\(\w+\))?[sdifr]|\{\{.*?\}\}|</?\w[^>]*>", re.DOTALL)


def template(addon):
    """:return: an addon's translation template"""
    return paths.REPOSITORY / addon / "i18n" / f"{addon}.pot"


def _languages(addon):
    return sorted(template(addon).parent.glob("*.po"))


def export(odoo, cluster, data_dir, database, addons, folder):
    """Let Odoo export templates from a database where the addons are installed; see :func:`devtools.server.run_script`.

    :param list[str] addons: the addons
    :param Path folder: where the templates go
    :return: the exported file per addon
    :rtype: dict[str, Path]
    """
    folder.mkdir(parents=True, exist_ok=True)
    exported = {addon: folder / f"{addon}.pot" for addon in addons}
    script = EXPORT.format(targets={addon: str(path) for addon, path in exported.items()})
    server.run_script(odoo, cluster, data_dir, database, script)
    return exported


def write(addon, exported):
    """Replace an addon's template, and update its translations: new texts are empty there, old ones are removed.

    :param str addon: the addon
    :param Path exported: what Odoo exported
    """
    template(addon).parent.mkdir(exist_ok=True)
    template(addon).write_text(exported.read_text())
    for path in _languages(addon):
        have, merged = _read(path), polib.pofile(str(path))
        merged.clear()
        for entry in polib.pofile(str(exported)):
            entry.msgstr = have[entry.msgid].msgstr if entry.msgid in have else ""
            merged.append(entry)
        merged.save(str(path))


def compare(kept, exported):
    """Find what differs between two templates.

    :param Path kept: the addon's template
    :param Path exported: what Odoo exports now
    :return: a line per text that is in one of them only
    :rtype: list[str]
    """
    have, want = _read(kept) if kept.exists() else {}, _read(exported)
    missing = [f"missing: {text!r}" for text in sorted(want.keys() - have.keys())]
    return missing + [f"stale: {text!r}" for text in sorted(have.keys() - want.keys())]


def check_languages(addon):
    """Find what is wrong with an addon's translations: Odoo would show them half in English, or fail on them.

    :param str addon: the addon
    :return: a line per fault
    :rtype: list[str]
    """
    lines = []
    for path in _languages(addon):
        try:
            faults = compare(path, template(addon))
            faults += [fault for entry in _read(path).values() for fault in _find_faults(entry)]
        except OSError as error:  # what polib can't parse
            faults = [str(error)]
        lines += [f"{path.name}: {fault}" for fault in faults]
    return lines


def _find_faults(entry):
    text, translated = entry.msgid, entry.msgstr
    if not translated.strip() or entry.fuzzy:
        return [f"not translated: {text!r}"]
    wanted, given = Counter(KEPT.findall(text)), Counter(KEPT.findall(translated))
    faults = [f"{part!r} lost" for part in sorted(wanted - given)]
    faults += [f"{part!r} added" for part in sorted(given - wanted)]
    if text.partition(text.strip())[::2] != translated.partition(translated.strip())[::2]:
        faults.append("other whitespace around it")
    return [f"{fault}: {text!r}" for fault in faults]


def _read(path):
    return {entry.msgid: entry for entry in polib.pofile(str(path)) if not entry.obsolete}
