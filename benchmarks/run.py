"""The PostgreSQL server, Odoo and the databases that something is measured with."""

import psutil

from devtools.testing import TestRun

MEGABYTE = 2**20


class BenchRun(TestRun):
    """Like a run of the tests, with a PostgreSQL server as one sets it up for a million orders."""

    @property
    def settings(self):
        """:return: PostgreSQL's settings: a quarter of the memory for its buffers, as its manual advises"""
        return {"shared_buffers": f"{psutil.virtual_memory().total // 4 // MEGABYTE}MB"}
