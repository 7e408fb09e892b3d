from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# Where the community's commission_oca keeps the agents of a customer: since 19.0.2.0.0, and before.
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
        """Return where the agents can come from.

        :return: values and labels, more than one only with commissions installed
        :rtype: list[tuple[str, str]]
        """
        sources = [("chosen", self.env._("The agents that you select here"))]
        if self._get_commission_field():
            sources.append(("commission", self.env._("The customer's agents for commissions")))
        return sources

    @api.model
    def _get_commission_field(self):
        """Name the field in which an addon for commissions keeps the agents of a customer.

        :return: the name of a many2many to contacts; ``None`` where no such addon is installed
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

        :return: a client action that says of how many customers they were changed
        :rtype: dict
        :raise UserError: if no customer is selected, or no agent, unless all agents are to be replaced
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
        """Tell of how many customers the agents were changed.

        :param int count: how many customers these are
        :return: a client action
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
        """Assign to each customer those of its agents for commissions who are portal agents, or remove them.

        A customer none of whose agents for commissions is a portal agent keeps the portal agents that it has.

        :return: a client action that says what was done, and who has no account as an agent
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
        """Read the agents for commissions of the selected customers, in as many queries as for one customer.

        :return: ids of customers by agent, who is a contact
        :rtype: dict
        """
        name = self._get_commission_field()
        customers_by_agent = defaultdict(list)
        # By itself the ORM would fetch a thousand at a time, and read whether each is active.
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
        """Find the portal agents among some contacts.

        :param contacts: iterable of ``res.partner``
        :return: ``res.users`` by contact, of those contacts who are portal agents
        :rtype: dict
        """
        contact_ids = [contact.id for contact in contacts]
        users = self.env["res.users"].search(
            Domain("partner_id", "in", contact_ids) & Domain("is_portal_agent", "=", True)
        )
        return users.grouped("partner_id")

    def _notify_commission_agents(self, customer_count, agent_count, others):
        """Tell how many customers were changed and which of their agents are not portal agents.

        :param int customer_count: how many customers have agents with an account
        :param int agent_count: how many agents these are
        :param list others: the agents for commissions, contacts, who are not portal agents
        :return: a client action
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
