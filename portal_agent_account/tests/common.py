from contextlib import contextmanager
from urllib.parse import urlencode

from lxml import html

from odoo.fields import Command
from odoo.tests import HttpCase

from odoo.addons.portal_agent_account.models import agent_scope

from .kept_caches import KeptCaches

LISTS = ("/my/agent/customers", "/my/agent/quotations", "/my/agent/orders", "/my/agent/invoices")
PAGES = ("/my/agent", *LISTS)


class PortalAgentCommon(KeptCaches):
    """Two agents with one customer each, a customer without an agent, and documents of all three.

    Everything that belongs to the first agent's customer has "quill" in its name, so that a test can search any
    response for it.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(
            context={**cls.env.context, "tracking_disable": False, "no_reset_password": True, "mail_notrack": False}
        )
        cls._accept_any_email()
        cls.company = cls.env.ref("base.main_company")
        cls.env.user.company_ids |= cls.company
        cls._ensure_chart_of_accounts()
        cls._make_users()
        cls._make_customers()
        cls._make_orders()
        cls._make_invoices()
        cls.env.flush_all()

    # ---- test data, created in batches because every test class creates it again

    @classmethod
    def _make_users(cls):
        cls.agent, cls.other_agent, cls.portal_user, cls.customer_user = cls.env["res.users"].create(
            [
                cls._prepare_agent("portal_agent_ann", name="Ann Agent"),
                cls._prepare_agent("portal_agent_bob", name="Bob Agent"),
                cls._prepare_portal_user("portal_plain"),
                cls._prepare_portal_user("portal_quill", name="Quill Owner"),
            ]
        )

    @classmethod
    def _make_customers(cls):
        cls.customer, cls.other_customer, cls.strange_customer = cls.env["res.partner"].create(
            [
                cls._prepare_customer("Quill Trading", portal_agent_ids=[Command.link(cls.agent.id)]),
                cls._prepare_customer("Rook Stores", portal_agent_ids=[Command.link(cls.other_agent.id)]),
                cls._prepare_customer("Swift Nobody"),
            ]
        )
        cls.buyer = cls._new_customer("Quincy Quill", parent_id=cls.customer.id, is_company=False)
        cls.warehouse = cls._new_customer("Quill Depot", parent_id=cls.buyer.id, is_company=False, type="delivery")
        cls.customer_user.partner_id.parent_id = cls.customer

    @classmethod
    def _make_orders(cls):
        cls.product = cls.env["product.product"].create({"name": "Quill Ink", "type": "consu", "list_price": 100})
        orders = cls.env["sale.order"].create(
            [
                cls._prepare_order(cls.buyer, "QUILL-QUOTATION"),
                cls._prepare_order(cls.customer, "QUILL-DRAFT"),
                cls._prepare_order(cls.warehouse, "QUILL-ORDER"),
                cls._prepare_order(cls.other_customer, "ROOK-ORDER"),
                cls._prepare_order(cls.strange_customer, "SWIFT-ORDER"),
                cls._prepare_order(cls.agent.partner_id, "ANN-ORDER"),
            ]
        )
        cls.quotation, cls.draft_quotation, cls.order, cls.other_order, cls.strange_order, cls.own_order = orders
        (cls.quotation + cls.own_order).state = "sent"
        (cls.order + cls.other_order + cls.strange_order).action_confirm()

    @classmethod
    def _make_invoices(cls):
        moves = cls.env["account.move"].create(
            [
                cls._prepare_invoice(cls.buyer, "QUILL-INVOICE"),
                cls._prepare_invoice(cls.customer, "QUILL-CREDIT", move_type="out_refund"),
                cls._prepare_invoice(cls.customer, "QUILL-DRAFT-INVOICE"),
                cls._prepare_invoice(cls.other_customer, "ROOK-INVOICE"),
                cls._prepare_invoice(cls.agent.partner_id, "ANN-INVOICE"),
            ]
        )
        cls.invoice, cls.credit_note, cls.draft_invoice, cls.other_invoice, cls.own_invoice = moves
        (moves - cls.draft_invoice).action_post()
        # Sending the invoice does the same; portal_account_personal_data_only (OCA) shows no others.
        cls.own_invoice.message_subscribe(cls.agent.partner_id.ids)

    # ---- additional records

    @classmethod
    def _accept_any_email(cls, accept=True):
        """Let partner_email_check (OCA) accept every address, as tests about addresses of older contacts need it.

        Without that addon, every address is accepted.

        :param bool accept: False to let the addon check addresses again, as it does by default
        """
        if "partner_email_check_syntax" in cls.env["res.company"]:
            cls.env["res.company"].search([]).partner_email_check_syntax = not accept

    @classmethod
    def _ensure_chart_of_accounts(cls):
        journals = cls.env["account.journal"].search([("type", "=", "sale"), ("company_id", "=", cls.company.id)])
        if not journals:
            cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)

    @classmethod
    def _new_agent(cls, login, **values):
        return cls.env["res.users"].create(cls._prepare_agent(login, **values))

    @classmethod
    def _prepare_agent(cls, login, **values):
        values = {"company_id": cls.company.id, "company_ids": [Command.set(cls.company.ids)]} | values
        return cls._prepare_portal_user(login, "portal_agent_account.group_portal_agent", **values)

    @classmethod
    def _prepare_portal_user(cls, login, *groups, **values):
        groups = [cls.env.ref(name).id for name in ("base.group_portal", *groups)]
        return {
            "name": login,
            "login": login,
            "password": login,
            "email": f"{login}@example.com",
            "group_ids": [Command.set(groups)],
        } | values

    @classmethod
    def _new_customer(cls, name, **values):
        return cls.env["res.partner"].create(cls._prepare_customer(name, **values))

    @classmethod
    def _prepare_customer(cls, name, **values):
        return {
            "name": name,
            "is_company": True,
            "email": f"{name.split()[0].lower()}@quill.example.com",
            "comment": f"<p>{name} pays late</p>",
            "ref": name.upper(),
        } | values

    @classmethod
    def _new_order(cls, partner, reference, state=None, confirm=False, **values):
        order = cls.env["sale.order"].create(cls._prepare_order(partner, reference, **values))
        if confirm:
            order.action_confirm()
        elif state:
            order.state = state
        return order

    @classmethod
    def _prepare_order(cls, partner, reference, **values):
        return {
            "name": reference,
            "partner_id": partner.id,
            "company_id": cls.company.id,
            "client_order_ref": reference,
            "require_signature": True,
            "require_payment": False,
            "access_token": f"token-{reference.lower()}",
            "order_line": [Command.create({"name": reference, "product_id": cls.product.id, "product_uom_qty": 2})],
        } | values

    @classmethod
    def _new_invoice(cls, partner, reference, post=True, **values):
        move = cls.env["account.move"].create(cls._prepare_invoice(partner, reference, **values))
        if post:
            move.action_post()
        return move

    @classmethod
    def _prepare_invoice(cls, partner, reference, **values):
        line = {"name": reference, "quantity": 1, "price_unit": 100, "tax_ids": [Command.clear()]}
        return {
            "move_type": "out_invoice",
            "partner_id": partner.id,
            "company_id": cls.company.id,
            "invoice_date": "2026-01-15",
            "ref": reference,
            "access_token": f"token-{reference.lower()}",
            "invoice_line_ids": [Command.create(line)],
        } | values

    # ---- scopes and users

    @contextmanager
    def on_an_agents_page(self, user=None):
        """Run code in the scope of a route declared with ``portal_agent=True``.

        :param user: user of the request; the first agent by default
        :return: environment of that user
        """
        with agent_scope.entered(self.env, user or self.agent) as env:
            yield env

    @contextmanager
    def on_any_other_page(self, user=None):
        """Run code in the scope of any other route, of a scheduled action or of a script.

        :param user: user of the request; the first agent by default
        :return: environment of that user
        """
        self.env.invalidate_all()
        yield self.env(user=(user or self.agent).id, context={})
        self.env.invalidate_all()


class PortalAgentHttpCommon(PortalAgentCommon, HttpCase):
    """Tests with real HTTP requests."""


class PortalAgentPagesCommon(PortalAgentHttpCommon):
    """Pages requested over HTTP, by the first agent unless another user is logged in."""

    def setUp(self):
        super().setUp()
        self.authenticate(self.agent.login, self.agent.login)

    def _get(self, url, /, **query):
        return self.url_open(f"{url}?{urlencode(query, doseq=True)}" if query else url, allow_redirects=False)

    def _get_content(self, url, /, **query):
        """Return the page's main content as text, without menus and footer."""
        response = self._get(url, **query)
        self.assertEqual(response.status_code, 200, url)
        [content] = html.fromstring(response.text).xpath("//*[@id='portal_agent_content']")
        return " ".join(content.text_content().split())

    def _get_references(self, url, /, **query):
        """Return the references in a list, in display order."""
        response = self._get(url, **query)
        self.assertEqual(response.status_code, 200, url)
        return [
            link.text_content().strip()
            for link in html.fromstring(response.text).xpath("//td[contains(@class, 'o_portal_agent_title')]/a")
        ]
