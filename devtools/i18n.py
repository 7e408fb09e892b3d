"""The addons' translation templates: exported by Odoo, written, compared."""

import subprocess

from . import paths, server
from .errors import DevError

# Runs in Odoo's shell, which defines `env`.
EXPORT = """
from pathlib import Path
from odoo.tools.translate import trans_export
for addon, path in {targets!r}.items():
    with Path(path).open("wb") as file:
        trans_export(None, [addon], file, "po", env)
"""


def template(addon):
    """:return: an addon's translation template"""
    return paths.REPOSITORY / addon / "i18n" / f"{addon}.pot"


def export(odoo, cluster, data_dir, database, addons, folder, log_file):
    """Let Odoo export templates from a database where the addons are installed.

    :param OdooSource odoo: which Odoo
    :param Cluster cluster: which PostgreSQL server
    :param Path data_dir: Odoo's data folder
    :param str database: the database
    :param list[str] addons: the addons
    :param Path folder: where the templates go
    :param Path log_file: where the log goes
    :return: the exported file per addon
    :rtype: dict[str, Path]
    :raise DevError: when Odoo fails
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = {addon: str(folder / f"{addon}.pot") for addon in addons}
    arguments = ["shell", f"--database={database}", "--no-http", "--max-cron-threads=0"]
    with log_file.open("w") as output:
        process = server.launch(
            odoo, cluster, data_dir, arguments, stdin=subprocess.PIPE, stdout=output, stderr=output, text=True
        )
        try:
            process.communicate(EXPORT.format(targets=targets))
        finally:
            server.stop(process)
    if process.returncode:
        raise DevError("Odoo couldn't export the translation templates.", f"Its log: {log_file}")
    return {addon: folder / f"{addon}.pot" for addon in addons}


def write(addon, exported):
    """Replace an addon's template.

    :param str addon: the addon
    :param Path exported: what Odoo exported
    """
    template(addon).parent.mkdir(exist_ok=True)
    template(addon).write_text(exported.read_text())


def compare(kept, exported):
    """Find what differs between two templates.

    :param Path kept: the addon's template
    :param Path exported: what Odoo exports now
    :return: the texts that the addon's template misses, and those that it has for nothing
    :rtype: tuple[list[str], list[str]]
    """
    have = _read(kept) if kept.exists() else set()
    want = _read(exported)
    return sorted(want - have), sorted(have - want)


def _read(path):
    import polib

    return {entry.msgid for entry in polib.pofile(str(path)) if not entry.obsolete}
