from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class PortalAgentHandOver(models.TransientModel):
    _name = "portal.agent.hand.over"
    _description = "Hand Over Customers to Another Agent"

    agent_id = fields.Many2one(
        comodel_name="res.users", string="From", required=True, domain="[('is_portal_agent', '=', True)]"
    )
    new_agent_id = fields.Many2one(
        comodel_name="res.users",
        string="To",
        required=True,
        domain="[('is_portal_agent', '=', True), ('id', '!=', agent_id)]",
    )
    customer_count = fields.Integer(string="Customers", compute="_compute_customer_count")

    @api.depends("agent_id")
    def _compute_customer_count(self):
        for wizard in self:
            wizard.customer_count = len(wizard._get_customers())

    def _get_customers(self):
        """Return all customers of the agent that the current user may read, including archived ones.

        :rtype: res.partner
        """
        Partner = self.env["res.partner"].with_context(active_test=False)
        return Partner.search(Domain("portal_agent_ids", "in", self.agent_id.ids)) if self.agent_id else Partner

    def action_apply(self):
        """Assign the customers of one agent to the other one, and log the change in the chatter of each customer.

        :return: client action that reports the number of customers
        :rtype: dict
        :raise AccessError: if the current user can't change the agents of one of the customers
        :raise UserError: if both agents are the same
        """
        self.ensure_one()
        if self.agent_id == self.new_agent_id:
            raise UserError(self.env._("Select another agent to hand the customers over to."))
        customers = self._get_customers()
        customers._change_portal_agent_pairs(
            customers._pair_with(self.new_agent_id), remove=customers._pair_with(self.agent_id)
        )
        return self._notify_handed_over(len(customers))

    def _notify_handed_over(self, count):
        """Report the number of customers that were handed over.

        :param int count: number of customers
        :return: client action
        :rtype: dict
        """
        names = {"agent": self.agent_id.name, "new_agent": self.new_agent_id.name}
        if not count:
            message = self.env._("%(agent)s has no customers to hand over.", agent=self.agent_id.name)
        elif count == 1:
            message = self.env._("1 customer was handed over from %(agent)s to %(new_agent)s.", **names)
        else:
            message = self.env._(
                "%(count)s customers were handed over from %(agent)s to %(new_agent)s.", count=count, **names
            )
        return self.env["res.partner"]._notify_about_portal_agents("success" if count else "info", message)
