"""Who may change the agents of which customers: what they read themselves, they may show to an agent."""

from odoo import api, fields, models
from odoo.exceptions import AccessError


class ResPartner(models.Model):
    _inherit = "res.partner"

    can_assign_portal_agents = fields.Boolean(
        compute="_compute_can_assign_portal_agents",
        groups="base.group_partner_manager",
        help="Whether you can change the portal agents of this contact's customer.",
    )

    @api.depends("commercial_partner_id.user_id")
    @api.depends_context("uid")
    def _compute_can_assign_portal_agents(self):
        may_assign_some, may_assign_all = self._may_give_any_document(), self._may_give_all_documents()
        for contact in self:
            is_own = contact.commercial_partner_id.user_id == self.env.user
            contact.can_assign_portal_agents = may_assign_some and (may_assign_all or is_own)

    def _check_may_assign_portal_agents(self):
        """Refuse what would let somebody read documents that the current user can't read.

        To assign an agent shows the agent all documents of the customer. So it takes the right to manage contacts and,
        for each of these customers, one of these:

        - the right to read all orders and invoices (*Sales: All Documents*, or accounting);
        - being the customer's salesperson, for who reads the own documents only (*Sales: Own Documents*);
        - the right to create users (*Access Rights*), by which somebody can get the others.

        Without a customer it tells whether the current user may assign any.

        :raise AccessError: if the current user has none of these rights for one of these contacts
        """
        if self.env.su:
            return
        if not self.env.user.has_group("base.group_partner_manager"):
            raise AccessError(self.env._("Only people who may manage contacts can assign portal agents to customers."))
        self.check_access("write")
        if not self._may_give_any_document():
            raise AccessError(
                self.env._(
                    "Only people who may read orders and invoices can assign portal agents to customers: an agent "
                    "reads them all."
                )
            )
        refused_sudo = self._get_refused_customers()
        if refused_sudo:
            raise AccessError(
                self.env._(
                    "You can assign portal agents only to customers whose salesperson you are: an agent reads all "
                    "documents of a customer. Customers: %(names)s",
                    names=self._join_portal_agent_names(refused_sudo.mapped("display_name")),
                )
            )

    @api.model
    def _may_give_any_document(self):
        """Return whether the current user reads orders and invoices, or could have the right to.

        :rtype: bool
        """
        models = (self.env["sale.order"], self.env["account.move"])
        return self.env.user.has_group("base.group_erp_manager") or all(model.has_access("read") for model in models)

    @api.model
    def _may_give_all_documents(self):
        """Return whether the current user reads the orders and invoices of all customers, or could have the right to.

        Of those who read orders, only salespeople have record rules that leave them their own.

        :rtype: bool
        """
        user = self.env.user
        return user.has_group("base.group_erp_manager") or (
            self._may_give_any_document()
            and (
                not user.has_group("sales_team.group_sale_salesman")
                or user.has_group("sales_team.group_sale_salesman_all_leads")
            )
        )

    def _get_refused_customers(self):
        """Return those of these contacts' customers to whom the current user can't assign agents.

        :return: privileged ``res.partner``
        """
        if self._may_give_all_documents():
            return self.browse().sudo()
        customers_sudo = self.sudo().commercial_partner_id
        return customers_sudo.filtered(lambda customer: customer.user_id != self.env.user)
