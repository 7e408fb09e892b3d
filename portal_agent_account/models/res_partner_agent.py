"""Making contacts agents, and dismissing them."""

from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import email_normalize

from .res_users import AGENT_GROUP


class ResPartner(models.Model):
    _inherit = "res.partner"

    can_be_portal_agent = fields.Boolean(
        compute="_compute_can_be_portal_agent",
        groups="base.group_erp_manager",
        help="Whether this contact is no portal agent and can be made one.",
    )

    @api.depends("email", "active", "user_ids.group_ids")
    def _compute_can_be_portal_agent(self):
        contacts = self._origin
        reasons = contacts._get_reasons_against_portal_agents()
        for contact in self:
            origin = contact._origin
            contact.can_be_portal_agent = bool(origin) and not origin.is_portal_agent and origin.id not in reasons

    def action_ask_make_portal_agent(self):
        """Ask whether these contacts are to be made portal agents.

        :return: a window action
        :rtype: dict
        """
        return self._ask_about_portal_agents("make")

    def action_ask_dismiss_portal_agent(self):
        """Ask whether these portal agents are to be dismissed.

        :return: a window action
        :rtype: dict
        """
        return self._ask_about_portal_agents("dismiss")

    def _ask_about_portal_agents(self, mode):
        self._check_may_make_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_access")
        title = self.env._("Make Portal Agents") if mode == "make" else self.env._("Dismiss Portal Agents")
        return action | {"name": title, "context": {"default_mode": mode, "default_partner_ids": self.ids}}

    def action_make_portal_agent(self):
        """Make these contacts portal agents: an account where there is none, the group, an invitation.

        Contacts that are agents already are left as they are.

        :return: a client action that says who was made an agent and who was one already
        :rtype: dict
        :raise AccessError: if the current user may not create users
        :raise UserError: if one of the contacts can't be an agent; then none of them is made one
        """
        users_sudo = self._make_portal_agents()
        return self._notify_portal_agents_made(
            users_sudo.mapped("name"),
            [
                self.env._("%(name)s is a portal agent already.", name=contact.display_name)
                for contact in self - users_sudo.partner_id
            ],
        )

    def _make_portal_agents(self):
        """Make those of these contacts portal agents who are none.

        :return: privileged ``res.users`` who became agents
        :raise AccessError: if the current user may not create users
        :raise UserError: if one of the contacts can't be an agent; then none of them is made one
        """
        self._check_may_make_portal_agents()
        self.check_access("read")
        self._check_can_be_portal_agents()
        contacts_sudo = self.sudo().filtered(lambda contact: not contact.is_portal_agent)
        users_sudo = self.env["res.users"].sudo()
        users_sudo = users_sudo.union(*(contact._get_user_to_make_agent() for contact in contacts_sudo))
        users_sudo._grant_portal_agent()
        users_sudo += (contacts_sudo - users_sudo.partner_id)._create_portal_agent_users()
        users_sudo._invite_portal_agents()
        return users_sudo

    def action_revoke_portal_agent(self):
        """Take the agents' group, and with it the customers, from the users of these contacts.

        :return: a client action that says who was dismissed and who was not
        :rtype: dict
        :raise AccessError: if the current user may not create users or not change these
        """
        agents_sudo = self._dismiss_portal_agents()
        return self._notify_portal_agents_dismissed(
            agents_sudo.mapped("name"),
            [
                self.env._("%(name)s is not a portal agent.", name=contact.display_name)
                for contact in self - agents_sudo.partner_id
            ],
        )

    def _dismiss_portal_agents(self):
        """Dismiss those of these contacts who are portal agents.

        :return: privileged ``res.users`` who were agents
        :raise AccessError: if the current user may not create users or not change these
        """
        self._check_may_make_portal_agents()
        self.check_access("read")
        return self.user_ids.filtered("is_portal_agent")._dismiss_portal_agents()

    def action_open_portal_agent_customers(self):
        """Open the customers that this contact looks after.

        :return: a window action
        :rtype: dict
        """
        self.ensure_one()
        self.check_access("read")
        return self.user_ids.filtered("is_portal_agent")[:1].action_open_portal_agent_customers()

    @api.model
    def _check_may_make_portal_agents(self):
        """:raise AccessError: if the current user may not create users"""
        if not self.env.su and not self.env.user.has_group("base.group_erp_manager"):
            raise AccessError(self.env._("Only people who may create users can make portal agents or dismiss them."))

    def _check_can_be_portal_agents(self):
        """:raise UserError: a list of these contacts that can't be agents, each with the reason"""
        reasons = self._get_reasons_against_portal_agents()
        if reasons:
            raise UserError(
                self.env._("These contacts can't be made portal agents:\n%(list)s", list="\n".join(reasons.values()))
            )

    def _get_reasons_against_portal_agents(self):
        """Say which of these contacts can't be made agents, and why.

        :return: a sentence by the contact's id
        :rtype: dict[int, str]
        """
        taken_logins = self._get_taken_logins()
        impersonal_users = self.env["res.users"].sudo()._get_impersonal_users()
        return {
            contact.id: reason
            for contact in self.sudo()
            if (reason := contact._get_reason_against_portal_agent(taken_logins, impersonal_users))
        }

    def _get_reason_against_portal_agent(self, taken_logins, impersonal_users):
        """Say why this contact can't be made an agent.

        :param dict taken_logins: how many people want or have a login, by login in lower case
        :param impersonal_users: the ``res.users`` who are no persons
        :return: a sentence that names the contact, or ``None`` if it can
        """
        self.ensure_one()
        name = self.display_name
        user = self._get_user_to_make_agent()
        if user and user._is_internal():
            return self.env._("%(name)s is an internal user; only portal users can be agents.", name=name)
        if user in impersonal_users:
            return self.env._("%(name)s stands for the visitors of a website or for new portal users.", name=name)
        if user:
            return None
        login = email_normalize(self.email)
        if not login:
            return self.env._("%(name)s has no valid email address.", name=name)
        if taken_logins[login] > 1:
            return self.env._("%(name)s has the email address of another user or contact.", name=name)
        if not self.active:
            return self.env._("%(name)s is archived.", name=name)
        return None

    def _get_taken_logins(self):
        """Count who has, or would get, the logins that these contacts need.

        :rtype: collections.Counter
        """
        contacts_sudo = self.sudo().filtered(lambda contact: not contact._get_user_to_make_agent())
        logins = Counter(login for contact in contacts_sudo if (login := email_normalize(contact.email)))
        logins.update(self.env["res.users"]._search_portal_agent_logins(logins))
        return logins

    def _get_user_to_make_agent(self):
        """Return the account of this contact: an active one, or else an archived one.

        :return: ``res.users`` of one record or none
        """
        self.ensure_one()
        return self.with_context(active_test=False).user_ids.sorted("active", reverse=True)[:1]

    def _create_portal_agent_users(self):
        """Create the accounts of these contacts, in one batch, as copies of the portal's template user.

        :return: the new ``res.users``
        :raise UserError: if there is no template user
        """
        Users_sudo = self.env["res.users"].sudo()
        if not self:
            return Users_sudo
        template_sudo = Users_sudo._get_portal_agent_template_user()
        groups = template_sudo.group_ids | self.env.ref("base.group_portal") | self.env.ref(AGENT_GROUP)
        vals_list = [contact._prepare_portal_agent_user_values(groups) for contact in self]
        return template_sudo.with_context(no_reset_password=True).create(
            [template_sudo.copy_data(vals)[0] for vals in vals_list]
        )

    def _prepare_portal_agent_user_values(self, groups):
        """Prepare the values of this contact's account.

        :param groups: the ``res.groups`` of an agent
        :return: what is not the template user's
        :rtype: dict
        """
        self.ensure_one()
        company = self.company_id or self.env.company
        return {
            "active": True,
            "partner_id": self.id,
            "login": email_normalize(self.email),
            "company_id": company.id,
            "company_ids": [Command.set(company.ids)],
            "group_ids": [Command.set(groups.ids)],
        }

    def action_assign_portal_agents(self):
        """Open the wizard that changes the agents of these customers.

        :return: a window action
        :rtype: dict
        """
        self._check_may_assign_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_assign")
        return action | {"context": {"default_partner_ids": self.ids}}
