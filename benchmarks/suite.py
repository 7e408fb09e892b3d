"""What runs in an Odoo shell: all measures, one after the other; the installation of an addon."""

import gc
import json
import time
from dataclasses import asdict
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry


def run(env, job):
    """Measure everything and write the rows into a file.

    :param env: the superuser's environment on the database with all data
    :param dict job: what the command has prepared; see ``Bench._job``
    """
    # they import the agents' addon
    from benchmarks import data, measures
    from benchmarks.measuring import serve

    size, small_size = data.Size(job["orders"]), data.Size(job["small_orders"])
    repeats = job["repeats"]
    with Registry(job["small"]).cursor() as small_cr:
        small_env = api.Environment(small_cr, SUPERUSER_ID, {})
        env = api.Environment(env.cr, SUPERUSER_ID, {})
        gc.freeze()  # two registries: a collection would fall on whoever is measured at that moment
        with serve(env.cr.dbname, job["small"]):
            rows, scans = [], measures.find_scans(env, size)
            for step in (
                measures.measure_confirmations(env, repeats),
                measures.measure_pages(env, small_env, size, small_size, repeats),
                measures.measure_rules(env, repeats),
                measures.measure_assignments(env, size),
            ):
                for row in step:
                    print(" | ".join(row.cells()), flush=True)
                    rows.append(asdict(row))
    Path(job["output"]).write_text(json.dumps({"rows": rows, "scans": scans, "sizes": size.describe()}))


def install(env, addon, output):
    """Install an addon as an administrator does, from Apps, and write into a file how many seconds it took.

    :param env: the superuser's environment
    :param str addon: the addon's name
    :param str output: the file
    """
    modules = env["ir.module.module"]
    modules.update_list()
    env.cr.commit()
    module = modules.search([("name", "=", addon), ("state", "=", "uninstalled")]).ensure_one()
    started = time.monotonic()
    module.button_immediate_install()
    Path(output).write_text(json.dumps(time.monotonic() - started))
