"""The PostgreSQL server, Odoo and the databases that something is measured with."""

import psutil

from devtools.testing import TestRun

MEGABYTE = 2**20


class BenchRun(TestRun):
    """Like a run of the tests, with a PostgreSQL server as one sets it up for a million orders."""

    @property
    def settings(self):
        """PostgreSQL's settings.

        A quarter of the memory for its buffers, as its manual advises. And commits wait for the log, as in a shop:
        VACUUM takes no row for visible to everybody as long as its commit may be missing there.

        :rtype: dict
        """
        return {
            "shared_buffers": f"{psutil.virtual_memory().total // 4 // MEGABYTE}MB",
            "synchronous_commit": "on",
        }
