"""Export, write and compare the addons' translation templates, and check their translations."""

import re
from collections import Counter

import polib

from . import paths, server

# Runs in Odoo's shell: `odoo i18n export` reads the database server from a file only, and exports one addon per run.
EXPORT = """
from pathlib import Path
from odoo.tools.translate import trans_export
for addon, path in {targets!r}.items():
    with Path(path).open("wb") as file:
        trans_export(None, [addon], file, "po", env)
"""

# The parts that a translation must keep: placeholders, and tags with all their attributes. pylint-odoo and OCA's hooks
# check Python's placeholders only.
KEPT = re.compile(r"%(?:\(\w+\))?[sdifr]|\{\{.*?\}\}|</?\w[^>]*>", re.DOTALL)


def template(addon):
    """:return: the path of an addon's translation template"""
    return paths.REPOSITORY / addon / "i18n" / f"{addon}.pot"


def _languages(addon):
    return sorted(template(addon).parent.glob("*.po"))


def export(odoo, cluster, data_dir, database, addons, folder):
    """Export templates with Odoo from a database with the addons; see :func:`devtools.server.run_script`.

    :param list[str] addons: names of the addons
    :param Path folder: target folder of the templates
    :return: the exported file per addon
    :rtype: dict[str, Path]
    """
    folder.mkdir(parents=True, exist_ok=True)
    exported = {addon: folder / f"{addon}.pot" for addon in addons}
    script = EXPORT.format(targets={addon: str(path) for addon, path in exported.items()})
    server.run_script(odoo, cluster, data_dir, database, script)
    return exported


def write(addon, exported):
    """Replace an addon's template and update its translations: add new texts untranslated, remove old ones.

    :param str addon: the addon's name
    :param Path exported: the exported template
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
    """Compare two templates.

    :param Path kept: the addon's template
    :param Path exported: the template that Odoo exports now
    :return: a line per text that only one of them contains
    :rtype: list[str]
    """
    have, want = _read(kept) if kept.exists() else {}, _read(exported)
    missing = [f"missing: {text!r}" for text in sorted(want.keys() - have.keys())]
    return missing + [f"stale: {text!r}" for text in sorted(have.keys() - want.keys())]


def check_languages(addon):
    """Find missing and broken translations of an addon.

    :param str addon: the addon's name
    :return: a line per error
    :rtype: list[str]
    """
    lines = []
    for path in _languages(addon):
        try:
            faults = compare(path, template(addon))
            faults += [fault for entry in _read(path).values() for fault in _find_faults(entry)]
        except OSError as error:  # polib can't parse the file
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
