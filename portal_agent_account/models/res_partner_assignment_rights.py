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

    def _check_may_show_documents(self, agents):
        """Refuse to make documents of these contacts visible to agents if the current user can't read them.

        A contact that is moved to another company, or merged, takes its documents along, so that the agents of that
        company read them from then on, as if the contact's customer had been assigned to them.

        :param agents: ``res.users`` who could not read the documents before
        :raise AccessError: as for an assignment, see :meth:`_check_may_assign_portal_agents`
        """
        if self.env.su or not (self and agents) or self._may_give_all_documents(agents):
            return
        if self._has_unreadable_documents():
            self._check_may_assign_portal_agents(agents)

    def _has_unreadable_documents(self):
        """Return whether these contacts, or others of the same entities below them, have documents that the current
        user can't read in any company.

        :rtype: bool
        """
        contacts_sudo = self.sudo().with_context(active_test=False)
        contacts_sudo = contacts_sudo.search(
            Domain("id", "child_of", self.ids)
            & Domain("commercial_partner_id", "in", contacts_sudo.commercial_partner_id.ids)
        )
        for name, domain in self._get_given_document_domains().items():
            Document = self.env[name].with_context(allowed_company_ids=self.env.user.company_ids.ids)
            domain &= Domain("partner_id", "in", contacts_sudo.ids)
            readable = Document.search_count(domain) if Document.has_access("read") else 0
            if Document.sudo().search_count(domain) > readable:
                return True
        return False

    @api.model
    def _get_given_document_domains(self):
        """Return the conditions for the documents that agents read.

        :return: condition by model
        :rtype: dict[str, Domain]
        """
        Move = self.env["account.move"]
        return {
            "sale.order": self.env["sale.order"]._get_portal_agent_domain(),
            "account.move": Move._get_portal_agent_invoice_domain() & Domain("state", "=", "posted"),
        }

    @api.model
    def _may_give_all_documents(self, agents=None):
        """Return whether the current user reads the orders and invoices of all customers, or could obtain that right.

        :param agents: ``res.users`` whose companies the user needs access to, if known
        :rtype: bool
        """
        user = self.env.user
        if user.has_group("base.group_erp_manager"):
            return True
        if agents and agents.sudo().company_ids - user.company_ids:
            return False
        return all(
            self.env[name].has_access("read") and not self.env["ir.rule"]._do_groups_hide(name, domain)
            for name, domain in self._get_given_document_domains().items()
        )
