from lxml import html

from odoo.modules.migration import load_script
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger
from odoo.tools.convert import convert_file
from odoo.tools.misc import file_path

from .common import LISTS, PAGES, PortalAgentPagesCommon

DESIGNER = "base.group_user,website.group_website_designer"
OTHER_RIGHTS = "sales_team.group_sale_manager,account.group_account_manager,base.group_partner_manager"
DASHBOARD = "portal_agent_account.portal_agent_dashboard"


@tagged("post_install", "-at_install", "once")
class TestPortalDesigner(PortalAgentPagesCommon):
    """Website designers can edit the agent's pages, and an upgrade keeps their changes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.designer = new_test_user(cls.env, login="quillfree_designer", groups=DESIGNER)
        cls.chief = new_test_user(cls.env, login="quillfree_chief", groups=f"{DESIGNER},{OTHER_RIGHTS}")
        cls.salesperson = new_test_user(cls.env, login="quillfree_sales", groups=f"base.group_user,{OTHER_RIGHTS}")
        cls.website = cls.env["website"].search([], limit=1)

    def setUp(self):
        super().setUp()
        self.authenticate(self.designer.login, self.designer.login)

    # What designers see

    def test_designer_sees_the_pages_of_an_agent_without_customers(self):
        for user in (self.designer, self.chief):
            self.authenticate(user.login, user.login)
            for url in PAGES:
                with self.subTest(user=user.login, url=url), self.assertNoLogs("odoo.http", "WARNING"):
                    content = self._get_content(url)
                    self.assertIn("No customers yet", content)
                    for name in ("Quill", "QUILL", "ROOK", "SWIFT", "ANN-ORDER", self.invoice.name):
                        self.assertNotIn(name, content)

    def test_designer_may_group_the_empty_lists(self):
        for url in LISTS[1:]:
            for groupby in ("customer", "month"):
                with self.subTest(url=url, groupby=groupby), self.assertNoLogs("odoo.http", "WARNING"):
                    self.assertIn("No customers yet", self._get_content(url, groupby=groupby))

    @mute_logger("odoo.http")
    def test_customers_and_documents_are_a_404_to_a_designer_who_may_read_them_elsewhere(self):
        self.authenticate(self.chief.login, self.chief.login)
        paths = [f"customers/{self.customer.id}", f"customers/{self.customer.id}/statement"]
        paths += [f"orders/{self.order.id}", f"invoices/{self.invoice.id}", f"orders?customer={self.customer.id}"]
        for path in (*paths, f"orders/{self.order.id}?report_type=pdf", f"invoices/{self.invoice.id}?report_type=html"):
            with self.subTest(path=path):
                self.assertEqual(self._get(f"/my/agent/{path}").status_code, 404)

    def test_export_of_a_designer_who_may_read_all_documents_has_no_row(self):
        self.authenticate(self.chief.login, self.chief.login)
        for url in LISTS:
            response = self._get(f"{url}/export")
            self.assertEqual(response.status_code, 200)
            self.assertEqual(len(response.text.strip().splitlines()), 1, url)

    def test_selector_finds_nobody_for_a_designer_who_may_read_all_customers(self):
        self.authenticate(self.chief.login, self.chief.login)
        for term in ("", "quill"):
            answer = self.make_jsonrpc_request("/my/agent/selector", {"term": term, "recent": [self.customer.id]})
            self.assertEqual(answer, {"customers": [], "has_more": False})

    def test_internal_user_who_is_not_a_designer_is_redirected(self):
        self.authenticate(self.salesperson.login, self.salesperson.login)
        for url in PAGES:
            response = self._get(url)
            self.assertEqual(response.status_code, 303)
            self.assertURLEqual(response.headers["Location"], "/my")

    def test_designers_access_on_other_pages_is_not_affected(self):
        self.authenticate(self.chief.login, self.chief.login)
        names = self.make_jsonrpc_request(
            "/web/dataset/call_kw",
            {"model": "sale.order", "method": "read", "args": [self.order.ids, ["name"]], "kwargs": {}},
        )
        self.assertEqual(names[0]["name"], "QUILL-ORDER")

    # What designers edit

    def test_pages_open_in_the_editor_with_a_drop_zone_for_blocks(self):
        for url in PAGES:
            page = html.fromstring(self._get(url, enable_editor="1").text)
            with self.subTest(url=url):
                [wrap] = page.xpath("//*[@id='portal_agent_content']")
                self.assertTrue(wrap.xpath(".//*[@data-oe-model='ir.ui.view' and @data-oe-xpath]"))
                [area] = wrap.xpath(".//div[contains(@class, 'oe_structure')]")
                self.assertEqual(area.get("data-oe-field"), "arch")

    def _update_addon(self, *files):
        """Load data files again, as an upgrade of the addon does."""
        for name in files:
            convert_file(self.env, "portal_agent_account", name, {}, mode="update")
        self.env.flush_all()

    def test_upgrade_keeps_a_page_changed_by_a_website(self):
        view = self.env.ref(DASHBOARD).with_context(website_id=self.website.id)
        area = html.fromstring(self._get("/my/agent", enable_editor="1").text).xpath(
            "//*[@id='oe_structure_portal_agent_dashboard']"
        )[0]
        block = '<section><p>Call the quarry first</p></section>'
        self.env["ir.ui.view"].browse(int(area.get("data-oe-id"))).with_context(website_id=self.website.id).save(
            f'<div class="oe_structure" id="oe_structure_portal_agent_dashboard">{block}</div>',
            area.get("data-oe-xpath"),
        )
        view.arch_db = view.arch_db.replace(
            '<t t-call="portal_agent_account.portal_agent_tiles"/>',
            '<p>Welcome, quarry people</p><t t-call="portal_agent_account.portal_agent_tiles"/>',
        )
        self.env.flush_all()
        self._update_addon(
            "views/portal_agent_layout_templates.xml",
            "views/portal_agent_dashboard_templates.xml",
            "views/portal_agent_customer_templates.xml",
        )
        self.assertNotIn("quarry", self.env.ref(DASHBOARD).arch_db, "other websites have the addon's page")
        self.authenticate(self.agent.login, self.agent.login)
        content = self._get_content("/my/agent")
        self.assertIn("Call the quarry first", content)
        self.assertIn("Welcome, quarry people", content)

    def test_upgrade_archives_outdated_template_copies_and_keeps_blocks(self):
        page = html.fromstring(self._get("/my/agent/orders", enable_editor="1").text)
        [area] = page.xpath("//*[@id='oe_structure_portal_agent_orders']")
        self.env["ir.ui.view"].browse(int(area.get("data-oe-id"))).with_context(website_id=self.website.id).save(
            '<div class="oe_structure" id="oe_structure_portal_agent_orders"><p>Call the quarry first</p></div>',
            area.get("data-oe-xpath"),
        )
        view = self.env.ref("portal_agent_account.portal_agent_orders").with_context(website_id=self.website.id)
        view.arch_db = view.arch_db.replace(
            '<t t-call="portal_agent_account.portal_agent_list">', '<t t-out="numbered_orders[1]"/><t>'
        )
        self.env.flush_all()
        self.authenticate(self.agent.login, self.agent.login)
        with mute_logger("odoo.http"):
            self.assertEqual(self._get("/my/agent/orders").status_code, 500)
        path = file_path("portal_agent_account/migrations/19.0.2.0.0/post-website-templates.py")
        with self.assertLogs(level="WARNING") as logs:
            load_script(path, "post_website_templates").migrate(self.env.cr, "19.0.1.0.0")
        self.assertEqual(len(logs.records), 1)
        self.env.flush_all()
        content = self._get_content("/my/agent/orders")
        self.assertIn("QUILL-ORDER", content)
        self.assertIn("Call the quarry first", content)

    def test_upgrade_keeps_a_moved_renamed_or_removed_menu(self):
        later = self.env["website"].create({"name": "Later"})
        Menu = self.env["website.menu"]
        moved = Menu.search([("website_id", "=", self.website.id), ("url", "=", "/my/agent")])
        removed = Menu.search([("website_id", "=", later.id), ("url", "=", "/my/agent")])
        parent = Menu.create({"name": "Trade", "website_id": self.website.id, "parent_id": self.website.menu_id.id})
        moved.write({"name": "Field desk", "parent_id": parent.id, "sequence": 3})
        removed.unlink()
        template = self.env.ref("portal_agent_account.menu_portal_agent")
        template.name = "Field desk of every website"
        self._update_addon("data/website_menu_data.xml")
        found = Menu.search([("website_id", "in", (self.website + later).ids), ("url", "=", "/my/agent")])
        self.assertEqual((found, moved.name, moved.parent_id), (moved, "Field desk", parent))
        self.assertEqual(template.name, "Field desk of every website")
        template.unlink()
        self._update_addon("data/website_menu_data.xml")
        self.assertFalse(self.env.ref("portal_agent_account.menu_portal_agent", raise_if_not_found=False))

    def test_menu_is_shown_to_designers_and_leads_to_the_page(self):
        page = html.fromstring(self._get("/my").text)
        self.assertTrue(page.xpath("//header//a[@href='/my/agent']"))
        self.assertEqual(self._get("/my/agent").status_code, 200)


@tagged("post_install", "-at_install", "once")
class TestKeptTemplates(PortalAgentPagesCommon):
    """Compiled templates are kept between tests, except those that a test has changed."""

    def test_first_change_of_a_page_is_shown(self):
        self.assertNotIn("Quillfoil", self._get("/my/agent").text)
        view = self.env.ref(DASHBOARD)
        view.arch_db = view.arch_db.replace('<div class="oe_structure"', '<p>Quillfoil</p><div class="oe_structure"')
        self.env.flush_all()
        self.assertIn("Quillfoil", self._get("/my/agent").text)

    def test_second_change_of_the_page_is_shown_and_not_the_first(self):
        self.test_first_change_of_a_page_is_shown()
