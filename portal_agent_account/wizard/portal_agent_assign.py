from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# Field of the OCA addon commission_oca with a customer's agents: since 19.0.2.0.0, and before.
COMMISSION_FIELDS = ("commission_agent_ids", "agent_ids")


class PortalAgentAssign(models.TransientModel):
    _name = "portal.agent.assign"
    _description = "Assign Portal Agents"

    mode = fields.Selection(
        selection=[
            ("add", "Add agents"),
            ("replace", "Replace all agents"),
            ("remove", "Remove agents"),
        ],
        string="Action",
        default="add",
        required=True,
    )
    source = fields.Selection(
        selection="_get_sources",
        string="Agents From",
        default="chosen",
        required=True,
    )
    is_source_choosable = fields.Boolean(compute="_compute_is_source_choosable")
    agent_ids = fields.Many2many(
        comodel_name="res.users",
        string="Agents",
        domain="[('is_portal_agent', '=', True)]",
    )
    partner_ids = fields.Many2many(
        comodel_name="res.partner",
        string="Customers",
    )
    partner_count = fields.Integer(string="Number of Customers", compute="_compute_partner_count")

    @api.model
    def _get_sources(self):
        """Return the possible sources of agents.

        :return: values and labels; more than one only if an addon for commissions is installed
        :rtype: list[tuple[str, str]]
        """
        sources = [("chosen", self.env._("The agents that you select here"))]
        if self._get_commission_field():
            sources.append(("commission", self.env._("The customer's agents for commissions")))
        return sources

    @api.model
    def _get_commission_field(self):
        """Return the name of the field in which an addon for commissions stores a customer's agents.

        :return: name of a many2many field to contacts; ``None`` if no such addon is installed
        :rtype: str | None
        """
        partner_fields = self.env["res.partner"]._fields
        agent_fields = (partner_fields[name] for name in COMMISSION_FIELDS if name in partner_fields)
        return next((field.name for field in agent_fields if field.comodel_name == "res.partner"), None)

    def _compute_is_source_choosable(self):
        self.is_source_choosable = len(self._get_sources()) > 1

    @api.depends("partner_ids")
    def _compute_partner_count(self):
        for wizard in self:
            wizard.partner_count = len(wizard.partner_ids.commercial_partner_id)

    def action_apply(self):
        """Change the agents of the selected customers.

        :return: client action that reports the number of changed customers
        :rtype: dict
        :raise UserError: if no customer is selected, or if no agent is selected unless all agents are replaced
        """
        self.ensure_one()
        if not self.partner_ids:
            raise UserError(self.env._("Select at least one customer."))
        if self.is_source_choosable and self.source == "commission":
            return self._apply_commission_agents()
        if not self.agent_ids and self.mode != "replace":
            raise UserError(self.env._("Select at least one agent."))
        if self.mode == "remove":
            changed = self.partner_ids._change_portal_agents(remove=self.agent_ids)
        else:
            changed = self.partner_ids._change_portal_agents(add=self.agent_ids, replace=self.mode == "replace")
        return self._notify_assigned(len(changed))

    @api.model
    def _notify_assigned(self, count):
        """Report the number of customers whose agents were changed.

        :param int count: number of customers
        :return: client action
        :rtype: dict
        """
        if not count:
            message = self.env._("Nothing was changed: the customers had these agents already, or did not have them.")
        elif count == 1:
            message = self.env._("The agents of 1 customer were changed.")
        else:
            message = self.env._("The agents of %(count)s customers were changed.", count=count)
        return self.env["res.partner"]._notify_about_portal_agents("success" if count else "info", message)

    def _apply_commission_agents(self):
        """Assign to each customer its commission agents who are portal agents, or remove these.

        A customer without a portal agent among its commission agents keeps its current portal agents.

        :return: client action that reports what was done and which commission agents are not portal agents
        :rtype: dict
        """
        customers_by_agent = self._get_customers_by_commission_agent()
        users_by_agent = self._get_portal_agents(customers_by_agent)
        pairs = [
            (customer_id, user.id)
            for agent, users in users_by_agent.items()
            for user in users
            for customer_id in customers_by_agent[agent]
        ]
        customers = self.env["res.partner"].browse(sorted({customer_id for customer_id, _user_id in pairs}))
        if self.mode == "remove":
            customers._change_portal_agent_pairs([], remove=pairs)
        else:
            customers._change_portal_agent_pairs(pairs, replace=self.mode == "replace")
        others = [agent for agent in customers_by_agent if agent not in users_by_agent]
        return self._notify_commission_agents(len(customers), len(users_by_agent), others)

    def _get_customers_by_commission_agent(self):
        """Read the commission agents of the selected customers. The number of queries doesn't depend on their number.

        :return: customer ids by commission agent (``res.partner``)
        :rtype: dict
        """
        name = self._get_commission_field()
        customers_by_agent = defaultdict(list)
        # Without explicit fetches, the ORM would fetch in batches of one thousand and also read whether each record is
        # active.
        contacts = self.with_context(active_test=False).partner_ids
        contacts.fetch(["commercial_partner_id"])
        customers = contacts.commercial_partner_id
        customers.fetch([name])
        for customer in customers:
            for agent in customer[name]:
                customers_by_agent[agent].append(customer.id)
        return customers_by_agent

    @api.model
    def _get_portal_agents(self, contacts):
        """Find the portal agents among contacts.

        :param contacts: iterable of ``res.partner``
        :return: ``res.users`` by contact, for the contacts who are portal agents
        :rtype: dict
        """
        contact_ids = [contact.id for contact in contacts]
        users = self.env["res.users"].search(
            Domain("partner_id", "in", contact_ids) & Domain("is_portal_agent", "=", True)
        )
        return users.grouped("partner_id")

    def _notify_commission_agents(self, customer_count, agent_count, others):
        """Report the number of changed customers, and the commission agents who are not portal agents.

        :param int customer_count: number of customers with portal agents among their commission agents
        :param int agent_count: number of these portal agents
        :param list others: commission agents (``res.partner``) who are not portal agents
        :return: client action
        :rtype: dict
        """
        message = self.env._(
            "Customers: %(customers)s. Agents: %(agents)s.", customers=customer_count, agents=agent_count
        )
        if others:
            message += " " + self.env._(
                "These agents for commissions were left out because they are not portal agents: %(names)s. Make them "
                "portal agents, then assign the customers again.",
                names=self.env["res.partner"]._join_portal_agent_names([agent.display_name for agent in others]),
            )
        return self.env["res.partner"]._notify_about_portal_agents("warning" if others else "success", message)
