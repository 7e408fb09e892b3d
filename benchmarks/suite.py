"""All measures, one after the other, in an Odoo shell."""

import gc
import json
from dataclasses import asdict
from pathlib import Path

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

from benchmarks import data, measures
from benchmarks.measuring import serve


def run(env, job):
    """Measure everything and write the rows into a file.

    :param env: the superuser's environment on the database with all data
    :param dict job: what the command has prepared; see ``Bench._job``
    """
    size, small_size = data.Size(job["orders"]), data.Size(job["small_orders"])
    repeats = job["repeats"]
    with Registry(job["small"]).cursor() as small_cr:
        small_env = api.Environment(small_cr, SUPERUSER_ID, {})
        env = api.Environment(env.cr, SUPERUSER_ID, {})
        data.check_sample(env, size)
        gc.freeze()  # two registries: a collection would fall on whoever is measured at that moment
        with serve(env.cr.dbname, job["small"]):
            rows, scans = [], measures.find_scans(env)
            for step in (
                measures.measure_confirmations(env, repeats),
                measures.measure_pages(env, small_env, size, small_size, repeats),
                measures.measure_rules(env, repeats),
                measures.measure_assignments(env, size),
            ):
                for row in step:
                    print(" | ".join(row.cells()), flush=True)
                    rows.append(asdict(row))
    Path(job["output"]).write_text(json.dumps({"rows": rows, "scans": scans}))
