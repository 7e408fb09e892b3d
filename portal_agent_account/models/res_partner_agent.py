"""Make contacts portal agents, and dismiss portal agents."""

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
        """Open the wizard that makes these contacts portal agents.

        :return: window action
        :rtype: dict
        """
        return self._ask_about_portal_agents("make")

    def action_ask_dismiss_portal_agent(self):
        """Open the wizard that dismisses these portal agents.

        :return: window action
        :rtype: dict
        """
        return self._ask_about_portal_agents("dismiss")

    def _ask_about_portal_agents(self, mode):
        self._check_may_make_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_access")
        title = self.env._("Make Portal Agents") if mode == "make" else self.env._("Dismiss Portal Agents")
        return action | {"name": title, "context": {"default_mode": mode, "default_partner_ids": self.ids}}

    def action_make_portal_agent(self):
        """Make these contacts portal agents: create missing accounts, add the group and send invitations.

        Contacts that are already agents are left unchanged.

        :return: client action that lists the new agents and those who already were agents
        :rtype: dict
        :raise AccessError: if the current user may not create users
        :raise UserError: if one of the contacts can't be an agent; no contact is made an agent then
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
        """Make portal agents of those contacts that are not agents yet.

        :return: ``res.users`` of the new agents, with sudo
        :raise AccessError: if the current user may not create users
        :raise UserError: if one of the contacts can't be an agent; no contact is made an agent then
        """
        self._check_may_make_portal_agents()
        self.check_access("read")
        self._check_can_be_portal_agents()
        contacts_sudo = self.sudo().filtered(lambda contact: not contact.is_portal_agent)
        users_sudo = self.env["res.users"].sudo()
        users_sudo = users_sudo.union(*(contact._get_user_to_make_agent() for contact in contacts_sudo))
        users_sudo._grant_portal_agent()
        users_sudo._correct_portal_agent_logins()
        users_sudo += (contacts_sudo - users_sudo.partner_id)._create_portal_agent_users()
        users_sudo._invite_portal_agents()
        return users_sudo

    def action_revoke_portal_agent(self):
        """Remove the agents' group, and thereby the customers, from the users of these contacts.

        :return: client action that lists who was dismissed and who was not
        :rtype: dict
        :raise AccessError: if the current user may not create users or may not change these users
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
        """Dismiss the portal agents among these contacts.

        :return: ``res.users`` of the dismissed agents, with sudo
        :raise AccessError: if the current user may not create users or may not change these users
        """
        self._check_may_make_portal_agents()
        self.check_access("read")
        return self.user_ids.filtered("is_portal_agent")._dismiss_portal_agents()

    def action_open_portal_agent_customers(self):
        """Open the customers of this agent.

        :return: window action
        :rtype: dict
        """
        self.ensure_one()
        self.check_access("read")
        return self.user_ids.filtered("is_portal_agent")[:1].action_open_portal_agent_customers()

    @api.model
    def _check_may_make_portal_agents(self):
        """Check that the current user may make and dismiss agents.

        :raise AccessError: if the current user may not create users
        """
        if not self.env.su and not self.env.user.has_group("base.group_erp_manager"):
            raise AccessError(self.env._("Only users who may create users can make portal agents or dismiss them."))

    def _check_can_be_portal_agents(self):
        """Check that all of these contacts can be made agents.

        :raise UserError: if a contact can't be an agent; lists these contacts with the reasons
        """
        reasons = self._get_reasons_against_portal_agents()
        if reasons:
            raise UserError(
                self.env._("These contacts can't be made portal agents:\n%(list)s", list="\n".join(reasons.values()))
            )

    def _get_reasons_against_portal_agents(self):
        """Return why contacts can't be made agents.

        :return: translated sentence by contact id, for the contacts that can't
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
        """Return why this contact can't be made an agent.

        :param dict taken_logins: number of users and contacts that have or need a login, by lowercase login
        :param impersonal_users: ``res.users`` that don't belong to a person
        :return: translated sentence with the contact's name, or ``None`` if it can be made an agent
        """
        self.ensure_one()
        name = self.display_name
        user, login = self._get_user_to_make_agent(), self._get_login_to_make_agent()
        if user and user._is_internal():
            return self.env._("%(name)s is an internal user; only portal users can be agents.", name=name)
        if user in impersonal_users:
            return self.env._("%(name)s represents the visitors of a website or new portal users.", name=name)
        if not user and not login:
            return self.env._("%(name)s has no valid email address.", name=name)
        if login and taken_logins[login] > 1:
            return self.env._("%(name)s has the email address of another user or contact.", name=name)
        if not user and not self.active:
            return self.env._("%(name)s is archived.", name=name)
        return None

    def _get_taken_logins(self):
        """Count the users that have, and the contacts that need, the logins of these contacts.

        :rtype: collections.Counter
        """
        logins = Counter(login for contact in self.sudo() if (login := contact._get_login_to_make_agent()))
        logins.update(self.env["res.users"]._search_portal_agent_logins(logins))
        return logins

    def _get_user_to_make_agent(self):
        """Return the user of this contact, preferably an active one.

        :return: single ``res.users``, or an empty recordset
        """
        self.ensure_one()
        return self.with_context(active_test=False).user_ids.sorted("active", reverse=True)[:1]

    def _get_login_to_make_agent(self):
        """Return the login that this contact's new account, or its account without a sign-in, is going to get.

        :return: normalized email address; ``False`` if there is none, or if the account keeps its login
        :rtype: str | bool
        """
        user = self._get_user_to_make_agent()
        if not user:
            return email_normalize(self.email)
        return not user._is_portal_agent() and user._get_corrected_portal_agent_logins().get(user, False)

    def _create_portal_agent_users(self):
        """Create the users of these contacts in one batch, as copies of the portal template user.

        :return: new ``res.users``
        :raise UserError: if there is no template user
        """
        Users_sudo = self.env["res.users"].sudo()
        if not self:
            return Users_sudo
        Users_sudo._lock_portal_agent_logins()
        template_sudo = Users_sudo._get_portal_agent_template_user()
        groups = template_sudo.group_ids | self.env.ref("base.group_portal") | self.env.ref(AGENT_GROUP)
        vals_list = [contact._prepare_portal_agent_user_values(groups) for contact in self]
        return template_sudo.with_context(no_reset_password=True).create(
            [template_sudo.copy_data(vals)[0] for vals in vals_list]
        )

    def _prepare_portal_agent_user_values(self, groups):
        """Prepare the values of this contact's user.

        :param groups: ``res.groups`` of an agent
        :return: values that replace those of the template user
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

        :return: window action
        :rtype: dict
        """
        self._check_may_assign_portal_agents()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_assign")
        return action | {"context": {"default_partner_ids": self.ids}}
