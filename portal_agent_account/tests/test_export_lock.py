from lxml import html

from odoo import sql_db
from odoo.tests import tagged

from odoo.addons.portal_agent_account.controllers import export_lock

from .common import PortalAgentPagesCommon


@tagged("post_install", "-at_install", "once")
class TestExportLock(PortalAgentPagesCommon):
    """Each user can run only one export at a time."""

    def _export_elsewhere(self, user):
        """Hold a user's export lock in another connection, like another worker that is exporting."""
        cursor = sql_db.db_connect(self.env.cr.dbname).cursor()
        self.addCleanup(cursor.close)
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [export_lock._LOCK_CLASS, user.id])
        self.assertTrue(cursor.fetchone()[0])
        return cursor

    def test_second_export_of_a_user_is_refused_until_the_first_one_ends(self):
        elsewhere = self._export_elsewhere(self.agent)
        for extension in ("csv", "xlsx"):
            response = self._get("/my/agent/orders/export", format=extension)
            self.assertEqual(response.status_code, 429)
            self.assertGreater(int(response.headers["Retry-After"]), 0)
            self.assertIn("still being made", html.fromstring(response.text).text_content())
            self.assertNotIn("QUILL", response.text)
        self.assertEqual(self._get("/my/agent/orders").status_code, 200, "all other pages are there")
        elsewhere.rollback()
        self.assertEqual(self._get("/my/agent/orders/export", format="csv").status_code, 200)

    def test_exports_of_other_users_are_not_refused(self):
        self._export_elsewhere(self.other_agent)
        self.assertEqual(self._get("/my/agent/orders/export", format="csv").status_code, 200)
