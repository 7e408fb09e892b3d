from odoo import api, fields, models
from odoo.fields import Domain

from .customer_agents import CustomerAgents


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "portal.agent.mixin"]

    _portal_agent_contact_field = "commercial_partner_id"

    # Hidden from portal users: customers don't see their agents, and agents don't see each other.
    portal_agent_ids = fields.Many2many(
        comodel_name="res.users",
        relation="res_partner_portal_agent_rel",
        column1="partner_id",
        column2="user_id",
        string="Portal Agents",
        domain="[('is_portal_agent', '=', True)]",
        copy=False,
        groups="base.group_user",
        help="Portal users who can read the quotations, orders and invoices of this customer and of all its contacts.",
    )
    # Shows and changes, on a contact, the agents of the contact's company.
    commercial_portal_agent_ids = CustomerAgents(
        related="commercial_partner_id.portal_agent_ids",
        readonly=False,
        string="Company's Portal Agents",
        domain="[('is_portal_agent', '=', True)]",
        groups="base.group_user",
    )
    is_portal_agent = fields.Boolean(
        compute="_compute_is_portal_agent",
        search="_search_is_portal_agent",
        groups="base.group_user",
        help="This contact has a portal account as an agent.",
    )
    portal_agent_customer_count = fields.Integer(
        string="Agent's Customers",
        compute="_compute_portal_agent_customer_count",
        groups="base.group_user",
    )

    @api.model
    def _get_portal_agent_reader_depends(self):
        return ["commercial_partner_id.active", "commercial_partner_id.portal_agent_ids"]

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_portal_agent_reader_ids(self):
        rules = self.env["ir.rule"]._get_portal_agent_contact_domain()
        readable = (self | self.commercial_partner_id).filtered_domain(rules)
        for partner in self:
            customer = partner.commercial_partner_id
            is_readable = customer.active and (partner | customer) <= readable
            partner.portal_agent_reader_ids = customer.portal_agent_ids if is_readable else False

    @api.depends("user_ids.is_portal_agent")
    def _compute_is_portal_agent(self):
        for partner in self:
            partner.is_portal_agent = any(partner.user_ids.mapped("is_portal_agent"))

    def _compute_portal_agent_customer_count(self):
        for partner in self:
            partner.portal_agent_customer_count = sum(partner.user_ids.mapped("portal_agent_customer_count"))

    def _search_is_portal_agent(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = Domain("user_ids", "any", Domain("is_portal_agent", "=", True))
        return domain if True in value else ~domain

    def _get_portal_agent_name(self):
        """Return the stored name of a contact, which saves computing the display name for each of eighty rows.

        An address without a name is displayed by its type, which only the display name translates.

        :rtype: str
        """
        self.ensure_one()
        return self.complete_name if self.name else self.display_name

    @api.model
    def _get_portal_agent_domain(self):
        return super()._get_portal_agent_domain() & (Domain("is_company", "=", True) | Domain("parent_id", "=", False))

    @api.model
    def _get_portal_agent_customer_domain(self, customer):
        return Domain("commercial_partner_id", "=", customer.id) if customer else Domain.TRUE
