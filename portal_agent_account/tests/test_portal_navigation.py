from odoo.tests import tagged

from .common import PortalAgentHttpCommon


@tagged("post_install", "-at_install")
class TestPortalNavigation(PortalAgentHttpCommon):
    """The ways that lead to the agent's pages, and who sees them."""

    def _get_page(self, user, url="/my"):
        self.authenticate(user.login, user.login)
        return self.url_open(url).text

    def test_agents_see_the_menu_the_entry_of_the_user_menu_and_the_tile(self):
        page = self._get_page(self.agent)
        self.assertGreaterEqual(page.count('href="/my/agent"'), 3)
        self.assertIn("Look after your customers", page)

    def test_nobody_else_sees_any_of_them(self):
        self.assertNotIn("/my/agent", self._get_page(self.portal_user))
        self.authenticate(None, None)
        self.assertNotIn("/my/agent", self.url_open("/").text)

    def test_agent_who_ceases_to_be_one_sees_them_no_longer(self):
        self.assertIn("/my/agent", self._get_page(self.agent))
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        self.assertNotIn("/my/agent", self._get_page(self.agent))

    def _get_menus(self, website):
        return self.env["website.menu"].search([("website_id", "=", website.id), ("url", "=", "/my/agent")])

    def test_every_website_has_the_menu_those_made_later_too(self):
        later = self.env["website"].create({"name": "Later"})
        for website in self.env["website"].search([]):
            menu = self._get_menus(website)
            self.assertEqual(len(menu), 1, website.name)
            self.assertIn(self.env.ref("portal_agent_account.group_portal_agent"), menu.group_ids)
            self.assertEqual(menu.parent_id, website.menu_id)
        self.assertIn(later, self.env["website"].search([]))

    def test_own_pages_of_an_agent_are_as_they_were(self):
        page = self._get_page(self.agent, "/my/quotes")
        self.assertIn("ANN-ORDER", page)
        self.assertNotIn("QUILL", page)

    def test_scripts_of_the_pages_speak_the_visitors_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.authenticate(self.agent.login, self.agent.login)
        modules = self.url_open("/website/translations?lang=de_DE").json()["modules"]
        self.assertIn("No customer found.", str(modules.get("portal_agent_account")))
