"""Assign customers to agents. All writes end in one method, which checks the rights and logs the change."""

from collections import defaultdict

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.tools import SQL

# The fields through which the agents of a customer can be changed.
AGENT_FIELDS = {"portal_agent_ids", "commercial_portal_agent_ids"}
AGENT_DEFAULTS = {f"default_{name}" for name in AGENT_FIELDS}
# The fields that decide to which commercial entity a contact, and thereby its documents, belongs.
ENTITY_FIELDS = {"parent_id", "is_company", "commercial_partner_id"}


class ResPartner(models.Model):
    _inherit = "res.partner"

    @api.model_create_multi
    def create(self, vals_list):
        """Assign the agents after creating the contact, through the method that checks and logs the change."""
        default = [command for commands in self.default_get(sorted(AGENT_FIELDS)).values() for command in commands]
        if not default and not any(AGENT_FIELDS & vals.keys() for vals in vals_list):
            return super().create(vals_list)
        commands_list = [self._pop_portal_agents(vals, default) for vals in vals_list]
        context = {key: value for key, value in self.env.context.items() if key not in AGENT_DEFAULTS}
        partners = super(ResPartner, self.with_env(self.env(context=context))).create(
            [vals | {"portal_agent_ids": []} for _commands, vals in commands_list]
        )
        partners = partners.with_env(self.env)
        pairs = []
        for partner, (commands, _vals) in zip(partners, commands_list, strict=True):
            # A new contact adds its agents to its company, but removes none from it.
            agents, _remove, _replace = self._read_portal_agent_commands(commands)
            pairs += partner.commercial_partner_id._pair_with(agents)
        if pairs:
            customers = self.browse(sorted({customer_id for customer_id, _user_id in pairs}))
            customers._change_portal_agent_pairs(pairs)
        return partners

    def write(self, vals):
        """Assign agents through the method that checks and logs the change.

        Remove them from contacts that get another commercial entity, whose agents read the contact's documents from
        then on.

        :raise AccessError: see :meth:`_check_may_show_documents`
        """
        may_change_entity = bool(ENTITY_FIELDS & vals.keys())
        readers = self._get_entity_agents() if may_change_entity else {}
        commands, others = self._pop_portal_agents(vals, [])
        result = super().write(others) if others or not vals else True
        if commands:
            add, remove, replace = self._read_portal_agent_commands(commands)
            self._change_portal_agents(add=add, remove=remove, replace=replace)
        if may_change_entity:
            self._drop_agents_of_former_entities()
            self._check_may_show_moved_documents(readers)
        return result

    @api.model
    def _pop_portal_agents(self, vals, default):
        """Split the agents from the values for ``create`` or ``write``.

        :param dict vals: values, which are not modified
        :param list default: x2many commands to return if the values contain no agents
        :return: x2many commands for the agents, and the other values
        :rtype: tuple[list, dict]
        """
        others = {name: value for name, value in vals.items() if name not in AGENT_FIELDS}
        given = [vals[name] for name in sorted(AGENT_FIELDS & vals.keys())]
        if not given:
            return default, others
        return [command for value in given for command in self._get_portal_agent_commands(value)], others

    @api.model
    def _get_portal_agent_commands(self, value):
        """Convert a value for the agents to x2many commands, as the ORM does.

        :param value: x2many commands, list or tuple of ids, ``res.users``, ``False`` or ``None``
        :rtype: list
        :raise ValueError: for any other value
        """
        if isinstance(value, list) and value and not isinstance(value[0], (list, tuple)):
            return [Command.set(value)]
        return self._fields["portal_agent_ids"].convert_to_write(value, self)

    @api.model
    def _read_portal_agent_commands(self, commands):
        """Return how x2many commands change the agents of a customer.

        :param list commands: x2many commands; anything else is ignored, as in the ORM
        :return: users to add, users to remove, and whether to remove all other users
        :rtype: tuple
        :raise UserError: for commands that would create or change users
        """
        add, remove, replace = self.env["res.users"], self.env["res.users"], False
        for command in commands:
            match command:
                case (Command.LINK, user_id, *_):
                    add += add.browse(user_id)
                    remove -= add.browse(user_id)
                case (Command.UNLINK | Command.DELETE, user_id, *_):
                    add -= add.browse(user_id)
                    remove += remove.browse(user_id)
                case (Command.CLEAR, *_):
                    add, remove, replace = add.browse(), remove.browse(), True
                case (Command.SET, _, user_ids):
                    add, remove, replace = add.browse(user_ids), remove.browse(), True
                case (_, *_):
                    raise UserError(self.env._("Agents are made from contacts, by the action “Make Portal Agent”."))
        return add, remove, replace

    def _change_portal_agents(self, add=None, remove=None, replace=False):
        """Change the agents of the customers that these contacts belong to.

        The number of queries doesn't depend on the number of customers.

        :param add: ``res.users`` to add
        :param remove: ``res.users`` to remove
        :param bool replace: whether to remove all agents that are not in ``add``
        :return: customers whose agents have changed
        :rtype: res.partner
        :raise AccessError: see :meth:`_check_may_assign_portal_agents`; also if the current user may not read a user in
            ``add``
        :raise ValidationError: if a user in ``add`` is not an agent
        """
        customers = self.commercial_partner_id
        return customers._change_portal_agent_pairs(
            customers._pair_with(add or self.env["res.users"]),
            customers._pair_with(remove or self.env["res.users"]),
            replace,
        )

    def _change_portal_agent_pairs(self, add, remove=(), replace=False):
        """Change the agents of these customers, with separate agents for each customer.

        Agents that the current user may not read, such as those of another company, are neither added nor removed.

        :param list add: pairs of customer id and user id to add
        :param list remove: pairs to remove
        :param bool replace: whether to remove all pairs of these customers that are not in ``add``
        :return: customers whose agents have changed
        :rtype: res.partner
        :raise AccessError: see :meth:`_check_may_assign_portal_agents`; also if the current user may not read a user in
            ``add``
        :raise ValidationError: if a user in ``add`` is not an agent
        """
        agents = self.env["res.users"].browse(sorted({user_id for _partner_id, user_id in add}))
        self._check_may_assign_portal_agents(agents)
        agents.check_access("read")
        agents._check_is_portal_agent()
        removed = self._delete_portal_agents(add if replace else remove, keep=replace)
        added = self._insert_portal_agents(add)
        return self._portal_agents_changed(added, removed)

    def _pair_with(self, users):
        """Pair each of these customers with each of the users.

        :param users: ``res.users`` to pair with
        :return: pairs of customer id and user id
        :rtype: list[tuple[int, int]]
        """
        return [(customer.id, user.id) for customer in self for user in users]

    def _insert_portal_agents(self, pairs):
        """Link users to customers.

        :param list pairs: pairs of customer id and user id
        :return: pairs that are new
        :rtype: list[tuple[int, int]]
        """
        query = SQL(
            """
            INSERT INTO res_partner_portal_agent_rel (partner_id, user_id)
                 SELECT partner_id, user_id FROM unnest(%s::int[], %s::int[]) AS pair(partner_id, user_id)
            ON CONFLICT DO NOTHING
              RETURNING partner_id, user_id
            """,
            [partner_id for partner_id, _user_id in pairs],
            [user_id for _partner_id, user_id in pairs],
        )
        return self.env.execute_query(query) if pairs else []

    def _delete_portal_agents(self, pairs, keep=False):
        """Unlink users from these customers, except users that the current user may not read.

        :param list pairs: pairs of customer id and user id to remove or to keep
        :param bool keep: whether to keep the given pairs and remove all others of these customers
        :return: removed pairs
        :rtype: list[tuple[int, int]]
        """
        visible = SQL("TRUE")
        if not self.env.su:
            users = self.env["res.users"].with_context(active_test=False)._search(Domain.TRUE)
            visible = SQL("user_id IN %s", users.subselect())
        return self.env.execute_query(
            SQL(
                """
                DELETE FROM res_partner_portal_agent_rel
                      WHERE partner_id = ANY(%s::int[]) AND %s
                        AND ((partner_id, user_id) IN (SELECT * FROM unnest(%s::int[], %s::int[]))) = %s
                  RETURNING partner_id, user_id
                """,
                self.ids,
                visible,
                [partner_id for partner_id, _user_id in pairs],
                [user_id for _partner_id, user_id in pairs],
                not keep,
            )
        )

    def _portal_agents_changed(self, added, removed):
        """Update the caches after a change of agents, and log it in the chatter of the customers.

        :param list added: new pairs of customer id and user id
        :param list removed: removed pairs of customer id and user id
        :return: customers whose agents have changed
        :rtype: res.partner
        """
        if not added and not removed:
            return self.browse()
        changes = defaultdict(lambda: ([], []))
        for partner_id, user_id in added:
            changes[partner_id][0].append(user_id)
        for partner_id, user_id in removed:
            changes[partner_id][1].append(user_id)
        customers = self.browse(changes)
        customers.modified(["portal_agent_ids"])
        customers.invalidate_recordset(["portal_agent_ids", "commercial_portal_agent_ids"], flush=False)
        self.env["res.users"].invalidate_model(["portal_agent_customer_count"], flush=False)
        customers._log_portal_agents(changes)
        return customers

    def _log_portal_agents(self, changes):
        """Log the change of agents in the chatter of these customers, in the form of a tracked field.

        The field itself is not tracked, because Odoo would name agents of other companies that the current user may not
        read.

        :param dict changes: lists of added and removed user ids, by customer id
        """
        Tracking_sudo = self.env["mail.tracking.value"].sudo()
        field_info = self.sudo().fields_get(["portal_agent_ids"])["portal_agent_ids"]
        messages_sudo = self._message_log_batch(bodies={}).grouped("res_id")
        vals_list = []
        for customer in self.with_context(active_test=False):
            came, went = (self.env["res.users"].browse(user_ids) for user_ids in changes[customer.id])
            now = customer.portal_agent_ids
            before = (now - came) | went
            values = [agents.sudo().sorted("display_name") for agents in (before, now)]
            vals_list.append(
                Tracking_sudo._create_tracking_values(*values, "portal_agent_ids", field_info, customer)
                | {"mail_message_id": messages_sudo[customer.id].id}
            )
        Tracking_sudo.create(vals_list)

    def _drop_agents_of_former_entities(self):
        """Remove the agents from contacts that now belong to another commercial entity.

        Such agents have no effect, but would silently become effective again when the contact leaves the entity.
        """
        contacts_sudo = self.sudo().with_context(active_test=False)
        contacts_sudo = contacts_sudo.filtered(lambda contact: contact.commercial_partner_id != contact)
        contacts_sudo._portal_agents_changed([], contacts_sudo._delete_portal_agents([], keep=True))

    def _get_entity_agents(self):
        """Return the agents of the commercial entities of these contacts.

        :return: ``res.users`` by ``res.partner``, both with sudo
        :rtype: dict
        """
        return {contact_sudo: contact_sudo.commercial_partner_id.portal_agent_ids for contact_sudo in self.sudo()}

    def _check_may_show_moved_documents(self, readers):
        """Check whom the documents of moved contacts are shown to.

        :param dict readers: agents before the change, from :meth:`_get_entity_agents`
        :raise AccessError: see :meth:`_check_may_show_documents`
        """
        shown_sudo, new_sudo = self.env["res.partner"].sudo(), self.env["res.users"].sudo()
        for contact_sudo, now_sudo in self._get_entity_agents().items():
            if now_sudo - readers[contact_sudo]:
                shown_sudo += contact_sudo
                new_sudo |= now_sudo - readers[contact_sudo]
        shown_sudo.with_env(self.env)._check_may_show_documents(new_sudo)

    def _create_contact_parent_company(self):
        """Copy a customer's agents to the company created from its company name, which becomes the customer."""
        company = super()._create_contact_parent_company()
        if company:
            company.sudo()._change_portal_agents(add=self.sudo().portal_agent_ids)
        return company
