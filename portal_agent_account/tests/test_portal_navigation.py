import json
from unittest.mock import patch

from lxml import html

from odoo.tests import tagged

from odoo.addons.portal_agent_account.controllers.portal import PortalAgent
from odoo.addons.portal_agent_account.pages import CustomerSelector, PageContext

from .common import PortalAgentHttpCommon


@tagged("post_install", "-at_install")
class TestPortalNavigation(PortalAgentHttpCommon):
    """The links to the agent's pages, and who sees them."""

    def _get_page(self, user, url="/my"):
        self.authenticate(user.login, user.login)
        return self.url_open(url).text

    def test_agents_see_the_website_menu_the_user_menu_entry_and_the_tile(self):
        page = self._get_page(self.agent)
        self.assertGreaterEqual(page.count('href="/my/agent"'), 3)
        self.assertIn("Look after your customers", page)

    def test_nobody_else_sees_any_of_them(self):
        self.assertNotIn("/my/agent", self._get_page(self.portal_user))
        self.authenticate(None, None)
        self.assertNotIn("/my/agent", self.url_open("/").text)

    def test_former_agent_sees_none_of_them(self):
        self.assertIn("/my/agent", self._get_page(self.agent))
        self.agent.group_ids -= self.env.ref("portal_agent_account.group_portal_agent")
        self.assertNotIn("/my/agent", self._get_page(self.agent))

    def _get_menus(self, website):
        return self.env["website.menu"].search([("website_id", "=", website.id), ("url", "=", "/my/agent")])

    def test_every_website_has_the_menu_including_new_ones(self):
        later = self.env["website"].create({"name": "Later"})
        for website in self.env["website"].search([]):
            menu = self._get_menus(website)
            self.assertEqual(len(menu), 1, website.name)
            self.assertIn(self.env.ref("portal_agent_account.group_portal_agent"), menu.group_ids)
            self.assertEqual(menu.parent_id, website.menu_id)
        self.assertIn(later, self.env["website"].search([]))

    def test_agents_own_portal_pages_are_not_affected(self):
        page = self._get_page(self.agent, "/my/quotes")
        self.assertIn("ANN-ORDER", page)
        self.assertNotIn("QUILL", page)

    # ---- other users

    def _get_bundle(self, name, addons):
        """Return the scripts, styles and templates of a bundle in a database in which some addons are installed."""
        with patch.object(type(self.env["ir.asset"]), "_get_active_addons_list", lambda assets, **params: addons):
            self.env.registry.clear_cache("assets")
            bundle = self.env["ir.qweb"]._get_asset_bundle(name, css=True, js=True)
            files = (bundle.javascripts, bundle.stylesheets, bundle.templates)
            contents = [[file.content for file in kind] for kind in files]
        self.env.registry.clear_cache("assets")
        return contents

    def test_shops_bundles_are_identical_to_those_without_the_addon(self):
        addons = sorted(self.env["ir.asset"]._get_active_addons_list())
        others = [addon for addon in addons if addon != "portal_agent_account"]
        self.assertEqual(len(others), len(addons) - 1)
        for name in ("web.assets_frontend", "web.assets_frontend_minimal", "web.assets_frontend_lazy"):
            with_addon, without_addon = self._get_bundle(name, addons), self._get_bundle(name, others)
            self.assertTrue(any(with_addon), name)
            self.assertTrue(list(map(sorted, with_addon)) == list(map(sorted, without_addon)), name)
            # Odoo loads dependencies of an app before addons that are not apps. In a shop, another app has the same
            # effect.
            if "website_sale" in addons:
                self.assertTrue(with_addon == without_addon, name)
        name = "portal_agent_account.assets_portal_agent"
        self.assertFalse(self._get_bundle(name, addons) == self._get_bundle(name, others))

    def test_visitors_load_no_translations_of_the_agents_pages(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.assertNotIn("portal_agent_account", self.url_open("/website/translations?lang=de_DE").json()["modules"])

    def test_only_the_agents_pages_load_scripts_and_styles(self):
        self.assertIn("assets_portal_agent", self._get_page(self.agent, "/my/agent"))
        for url in ("/", "/my"):
            self.assertNotIn("assets_portal_agent", self._get_page(self.agent, url))

    def test_texts_of_the_selectors_script_are_translated(self):
        language = self.env["res.lang"]._activate_lang("de_DE")
        self.env["website"].search([]).language_ids |= language
        self.env.flush_all()
        [selector] = html.fromstring(self._get_page(self.agent, "/de/my/agent")).xpath("//*[@data-texts]")
        with self.on_an_agents_page() as env:
            context = PageContext(env(context={"lang": "de_DE"}), {}, PortalAgent()._get_portal_agent_pages())
            self.assertEqual(json.loads(selector.get("data-texts")), CustomerSelector(context).get_texts())
