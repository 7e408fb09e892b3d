"""The figures in the list of agents, for administrators."""

from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain


class ResUsers(models.Model):
    _inherit = "res.users"

    portal_agent_customer_count = fields.Integer(
        string="Customers",
        compute="_compute_portal_agent_customer_count",
        groups="base.group_user",
    )
    portal_agent_currency_id = fields.Many2one(
        comodel_name="res.currency",
        string="Agent Currency",
        compute="_compute_portal_agent_amounts",
        groups="base.group_user",
    )
    portal_agent_amount_due = fields.Monetary(
        string="Unpaid Amount",
        compute="_compute_portal_agent_amounts",
        currency_field="portal_agent_currency_id",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="What the agent's customers owe, in the currency of the current company.",
    )
    portal_agent_amount_overdue = fields.Monetary(
        string="Overdue Amount",
        compute="_compute_portal_agent_amounts",
        currency_field="portal_agent_currency_id",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="The part of the unpaid amount whose due date has passed.",
    )

    portal_agent_order_count = fields.Integer(
        string="Orders (90 Days)",
        compute="_compute_portal_agent_order_count",
        groups="sales_team.group_sale_salesman",
        help="Sales orders of the agent's customers in the last 90 days, in the current company. Orders that you can't "
        "read are not counted.",
    )

    def _compute_portal_agent_customer_count(self):
        counts = dict(
            self.env["res.partner"]._read_group(
                Domain("portal_agent_ids", "in", self.ids), ["portal_agent_ids"], ["__count"]
            )
        )
        for user in self:
            user.portal_agent_customer_count = counts.get(user._origin, 0)

    @api.depends_context("company")
    def _compute_portal_agent_order_count(self):
        Order, now = self.env["sale.order"], fields.Datetime.now()
        agents = self._filter_portal_agents_of_company()
        domain = (
            Order._get_portal_agent_order_domain()
            & agents._get_portal_agent_customers_domain()
            & Domain("company_id", "=", self.env.company.id)
            & Domain("date_order", ">=", now - timedelta(days=90))
            & Domain("date_order", "<=", now)
        )
        counts = dict(Order._read_group(domain, ["portal_agent_ids"], ["__count"]))
        for user in self:
            user.portal_agent_order_count = counts.get(user._origin, 0) if user._origin in agents else 0

    @api.depends_context("company")
    def _compute_portal_agent_amounts(self):
        amounts = self._filter_portal_agents_of_company()._read_portal_agent_amounts()
        for user in self:
            user.portal_agent_currency_id = self.env.company.currency_id
            user.portal_agent_amount_due, user.portal_agent_amount_overdue = amounts[user._origin.id]

    def _filter_portal_agents_of_company(self):
        """Filter the users who can access the current company; the others see none of its documents.

        :rtype: res.users
        """
        return self._origin.filtered(lambda user: self.env.company in user.sudo().company_ids)

    def _get_portal_agent_customers_domain(self):
        """Return the condition for documents of these agents' active customers, as on the current company's website.

        :rtype: Domain
        """
        Rule = self.env["ir.rule"].with_user(self[:1]).with_context(allowed_company_ids=self.env.company.ids)
        is_readable = Rule._get_portal_agent_contact_domain() if self else Domain.FALSE
        customer = Domain("commercial_partner_id", "any!", is_readable & Domain("active", "=", True))
        return Domain("portal_agent_ids", "in", self.ids) & Domain("partner_id", "any!", is_readable & customer)

    def _read_portal_agent_amounts(self):
        """Sum up the amounts due of these agents' customers in the current company.

        :return: amounts due and overdue, in company currency, by user id
        :rtype: defaultdict
        """
        Move_sudo = self.env["account.move"].sudo()
        invoices = (
            Move_sudo._get_portal_agent_invoice_domain()
            & Domain("state", "=", "posted")
            & Domain("company_id", "=", self.env.company.id)
            & self._get_portal_agent_customers_domain()
        )
        instalments = Move_sudo._read_portal_agent_instalments(invoices)
        customers_sudo = self.env["res.partner"].sudo().browse({item.customer_id for item in instalments})
        agent_ids = {customer.id: (customer.portal_agent_ids & self).ids for customer in customers_sudo}
        amounts = defaultdict(lambda: (0.0, 0.0))
        for item in instalments:
            for user_id in agent_ids[item.customer_id]:
                due, overdue = amounts[user_id]
                amounts[user_id] = (due + item.amount, overdue + (item.amount if item.days_overdue else 0))
        return amounts

    def action_open_portal_agent_customers(self):
        """Open the customers of this agent.

        :return: window action
        :rtype: dict
        """
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_customers")
        return action | {
            "display_name": self.env._("Customers of %(agent)s", agent=self.name),
            "domain": [("portal_agent_ids", "in", self.ids)],
            "context": {"default_portal_agent_ids": self.ids, "portal_agent_id": self.id},
        }

    def action_hand_over_portal_agent_customers(self):
        """Open the wizard that gives all customers of this agent to another agent.

        :return: window action
        :rtype: dict
        """
        self.env["res.partner"]._check_may_assign_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_hand_over")
        return action | {"context": {"default_agent_id": self[:1].id}}

    def action_assign_portal_agent_customers(self):
        """Open the wizard that assigns customers to these agents.

        :return: window action
        :rtype: dict
        """
        self.env["res.partner"]._check_may_assign_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_assign")
        return action | {"name": self.env._("Assign Customers"), "context": {"default_agent_ids": self.ids}}
