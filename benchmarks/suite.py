"""The functions that run in an Odoo shell: all measures one after the other, and the installation of an addon."""

import gc
import json
import time
from dataclasses import asdict
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry


def run(env, job):
    """Run all measures and write the rows to a file.

    :param env: environment of the superuser in the full database
    :param dict job: parameters of the run, see ``Bench._job``
    """
    # here, because they import the agents' addon
    from benchmarks import data, measures
    from benchmarks.measuring import serve

    size, small_size = data.Size(job["orders"]), data.Size(job["small_orders"])
    repeats = job["repeats"]
    with Registry(job["small"]).cursor() as small_cr:
        small_env = api.Environment(small_cr, SUPERUSER_ID, {})
        env = api.Environment(env.cr, SUPERUSER_ID, {})
        gc.freeze()  # a garbage collection of two registries would distort a measure
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
    """Install an addon from Apps as an administrator does, and write the duration in seconds to a file.

    :param env: environment of the superuser
    :param str addon: the addon's name
    :param str output: path of the file
    """
    modules = env["ir.module.module"]
    modules.update_list()
    env.cr.commit()
    module = modules.search([("name", "=", addon), ("state", "=", "uninstalled")]).ensure_one()
    started = time.monotonic()
    module.button_immediate_install()
    Path(output).write_text(json.dumps(time.monotonic() - started))
