"""Check who may change the agents of customers: only users who may read everything that the agent would read."""

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain


class ResPartner(models.Model):
    _inherit = "res.partner"

    can_assign_portal_agents = fields.Boolean(
        compute="_compute_can_assign_portal_agents",
        groups="base.group_partner_manager",
        help="Whether you can change the portal agents of this contact's customer.",
    )

    @api.depends_context("uid")
    def _compute_can_assign_portal_agents(self):
        self.can_assign_portal_agents = self._may_give_all_documents()

    def _check_may_assign_portal_agents(self, agents=None):
        """Refuse assignments with which an agent could read documents that the current user can't read.

        An assigned agent reads all documents of the customer, including future ones. The current user therefore needs
        the right to manage contacts and one of the following:

        - the right to read all orders and invoices, in all companies of the agents;
        - the right to create users (*Access Rights*), with which a user can obtain the others.

        Being the customer's salesperson is not enough, because everyone who may change contacts can set that field too.

        :param agents: ``res.users`` to assign, if known
        :raise AccessError: if the current user lacks these rights or may not change one of these contacts
        """
        if self.env.su:
            return
        if not self.env.user.has_group("base.group_partner_manager"):
            raise AccessError(self.env._("Only users who may manage contacts can assign portal agents to customers."))
        self.check_access("write")
        if not self._may_give_all_documents(agents):
            raise AccessError(
                self.env._(
                    "Only users who may read all orders and invoices can assign portal agents to customers: an agent "
                    "reads all documents of a customer, in every company of the agent."
                )
            )

    @api.model
    def _may_give_all_documents(self, agents=None):
        """Return whether the current user reads the orders and invoices of all customers, or could obtain that right.

        :param agents: ``res.users`` whose companies the user needs access to, if known
        :rtype: bool
        """
        user, Move = self.env.user, self.env["account.move"]
        if user.has_group("base.group_erp_manager"):
            return True
        if agents and agents.sudo().company_ids - user.company_ids:
            return False
        domains = {
            "sale.order": self.env["sale.order"]._get_portal_agent_domain(),
            "account.move": Move._get_portal_agent_invoice_domain() & Domain("state", "=", "posted"),
        }
        return all(
            self.env[name].has_access("read") and not self.env["ir.rule"]._do_groups_hide(name, domain)
            for name, domain in domains.items()
        )
