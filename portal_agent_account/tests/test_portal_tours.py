from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentHttpCommon


class PortalAgentTourCommon(PortalAgentHttpCommon):
    """Two customers with one order each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.phone = "+32 9 555 01"
        second = cls._new_customer("Quack Feathers", portal_agent_ids=[Command.link(cls.agent.id)])
        cls._new_order(second, "QUACK-ORDER", confirm=True)
        cls.env.flush_all()


@tagged("post_install", "-at_install", "once")
class TestPortalDesktopTour(PortalAgentTourCommon):
    browser_size = "1280x900"

    def test_agent_at_a_desk_selects_searches_and_reads(self):
        self.start_tour("/my", "portal_agent_desktop", login=self.agent.login)

    def test_agent_selects_in_place_and_sees_charts_in_a_second_language(self):
        # Odoo and browsers write the code of this language differently.
        language = self.env["res.lang"]._activate_lang("sr@latin")
        self.env["website"].search([]).language_ids |= language
        self.env.flush_all()
        self.start_tour("/sr@latin/my/agent", "portal_agent_language", login=self.agent.login)


@tagged("post_install", "-at_install", "once")
class TestPortalPhoneTour(PortalAgentTourCommon):
    browser_size = "390x844"
    touch_enabled = True

    def test_agent_on_the_road_selects_taps_and_reads(self):
        self.start_tour("/my/agent/orders", "portal_agent_phone", login=self.agent.login)
