from odoo.fields import Command
from odoo.tests import tagged

from .common import PortalAgentCommon


@tagged("post_install", "-at_install", "-standard", "portal_agent_optional_addons")
class TestDeliveries(PortalAgentCommon):
    """The deliveries of an order. Requires ``sale_stock``, and ``stock_delivery`` for the carrier."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.is_storable = True
        carrier_product = cls.env["product.product"].create({"name": "Pigeon", "type": "service"})
        cls.carrier = cls.env["delivery.carrier"].create(
            {
                "name": "Pigeon Post",
                "product_id": carrier_product.id,
                "tracking_url": "https://pigeon.example.com/<shipmenttrackingnumber>",
            }
        )
        cls.order = cls._new_order(cls.buyer, "QUILL-SENT", confirm=True)
        cls.delivery = cls.order.picking_ids
        cls.delivery.write({"carrier_id": cls.carrier.id, "carrier_tracking_ref": "Q1"})

    def _get_deliveries(self):
        with self.on_an_agents_page() as env:
            return self.order.with_env(env)._get_portal_agent_deliveries()

    def test_a_delivery_shows_its_status_and_tracking_link(self):
        [delivery] = self._get_deliveries()
        self.assertEqual((delivery["name"], delivery["label"]), (self.delivery.name, "To deliver"))
        self.assertEqual(delivery["tracking_url"], "https://pigeon.example.com/Q1")
        self.delivery.move_ids.write({"quantity": 2, "picked": True})
        self.delivery.button_validate()
        [delivery] = self._get_deliveries()
        self.assertEqual((delivery["label"], delivery["date"]), ("Delivered", self.delivery.date_done))

    def test_returns_and_cancelled_deliveries_are_not_shown(self):
        self.order.order_line = [Command.create({"product_id": self.product.id, "product_uom_qty": 1})]
        self.delivery.action_cancel()
        self.assertFalse(self._get_deliveries())

    def test_an_invalid_tracking_link_is_not_shown(self):
        self.carrier.tracking_url = "javascript:alert(1)//<shipmenttrackingnumber>"
        [delivery] = self._get_deliveries()
        self.assertEqual((delivery["tracking_reference"], delivery["tracking_url"]), ("Q1", ""))
