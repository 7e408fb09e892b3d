"""Invite agents, and handle the links with which they choose a password."""

from collections import Counter

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, email_normalize, format_datetime


class ResUsers(models.Model):
    _inherit = "res.users"

    portal_agent_invitation_ids = fields.One2many(
        comodel_name="portal.agent.invitation",
        inverse_name="user_id",
        string="Portal Agent Invitations",
        groups="base.group_erp_manager",
    )
    portal_agent_invitation_state = fields.Selection(
        selection=lambda self: self.env["portal.agent.invitation"]._fields["state"].selection,
        string="Invitation",
        compute="_compute_portal_agent_invitation",
        compute_sudo=True,
        groups="base.group_user",
    )
    portal_agent_invitation_failure = fields.Char(
        string="Why the Invitation Was Not Delivered",
        compute="_compute_portal_agent_invitation",
        compute_sudo=True,
        groups="base.group_erp_manager",
    )

    @api.depends("portal_agent_invitation_ids.state")
    def _compute_portal_agent_invitation(self):
        for user in self:
            invitation = user.portal_agent_invitation_ids.sorted("id")[-1:]
            user.portal_agent_invitation_state = invitation.state
            user.portal_agent_invitation_failure = invitation.state == "failed" and invitation.failure_reason

    def action_send_portal_agent_invitation(self):
        """Queue invitations for the agents among these users; the mail queue sends them.

        Users who were invited recently are left out.

        :return: client action that lists who was invited and who was not
        :rtype: dict
        :raise AccessError: if the current user may not create users or may not change these users
        :raise UserError: if none of these users can be invited now
        """
        Partner = self.env["res.partner"]
        Partner._check_may_make_portal_agents()
        self.check_access("write")
        reasons = self._get_reasons_against_portal_agent_invitation()
        users_sudo = self.sudo().filtered(lambda user: user.id not in reasons)
        reasons |= users_sudo._correct_portal_agent_logins()
        users_sudo = users_sudo.filtered(lambda user: user.id not in reasons)
        if reasons and not users_sudo:
            raise UserError("\n".join(reasons.values()))
        users_sudo._invite_portal_agents()
        return Partner._notify_portal_agents_invited(users_sudo.mapped("name"), reasons.values())

    def _invite_portal_agents(self):
        """Queue invitations for these agents, without checking when they were last invited.

        :raise UserError: if the mail template was deleted, or edited so that it could disclose the link
        """
        self.filtered(lambda user: not user.login_date).partner_id.signup_prepare()
        self.env["portal.agent.invitation"].sudo()._invite(self)

    def _get_reasons_against_portal_agent_invitation(self):
        """Return why users can't be invited now.

        :return: translated sentence by user id, for the users that can't
        :rtype: dict[int, str]
        """
        users_sudo = self.sudo()
        next_dates = users_sudo.env["portal.agent.invitation"]._get_next_dates(users_sudo)
        reasons, now = {}, fields.Datetime.now()
        for user_sudo in users_sudo:
            if not user_sudo.is_portal_agent:
                reasons[user_sudo.id] = self.env._("%(name)s is not a portal agent.", name=user_sudo.name)
            elif next_dates.get(user_sudo.id, now) > now:
                reasons[user_sudo.id] = self.env._(
                    "%(name)s was invited a short time ago. The next invitation can be sent at %(time)s.",
                    name=user_sudo.name,
                    time=format_datetime(self.env, next_dates[user_sudo.id]),
                )
        return reasons

    def _get_corrected_portal_agent_logins(self):
        """Return the logins that users need because the address was corrected before the first sign-in.

        A login that is not an email address was chosen on purpose, and is kept; so is that of a user with a password.

        :return: normalized email addresses by user, for the users whose login changes
        :rtype: dict
        """
        users = self.filtered(lambda user: user.email_normalized and not user.login_date)
        users = users.filtered(lambda user: email_normalize(user.login) not in (False, user.email_normalized))
        return {user: user.email_normalized for user in users - users._filter_portal_agent_password_set()}

    def _filter_portal_agent_password_set(self):
        """Filter the users who have a password.

        No field tells whether a user has a password, hence the SQL.

        :rtype: res.users
        """
        if not self:
            return self
        self.flush_recordset(["password"])
        query = SQL("SELECT id FROM res_users WHERE id IN %s AND coalesce(password, '') != ''", tuple(self.ids))
        user_ids = {user_id for (user_id,) in self.env.execute_query(query)}
        return self.filtered(lambda user: user.id in user_ids)

    def _correct_portal_agent_logins(self):
        """Replace the logins of those users who need another one, and log the change in the chatter of their contacts.

        See :meth:`_get_corrected_portal_agent_logins`.

        :return: translated sentence by user id, for the users whose login stays because their address is the login of
            another user
        :rtype: dict[int, str]
        """
        logins, reasons = self._get_corrected_portal_agent_logins(), {}
        if logins:
            self._lock_portal_agent_logins()
        taken = Counter(logins.values())
        taken.update(self._search_portal_agent_logins(set(taken)))
        for user, login in logins.items():
            if taken[login] > 1:
                reasons[user.id] = self.env._(
                    "%(name)s has the email address of another user or contact.", name=user.name
                )
                continue
            old, user.login = user.login, login
            user.partner_id._message_log(
                body=self.env._("The login was changed from %(old)s to %(new)s.", old=old, new=login)
            )
        return reasons

    @api.model
    def _get_portal_agent_link_hours(self):
        """Return the validity of an invitation's link in hours, as in Odoo's own invitations.

        :rtype: int
        """
        return int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))

    def _get_portal_agent_link_validity(self):
        """Return the validity of an invitation's link as text for the mail template.

        :rtype: str
        """
        hours = self._get_portal_agent_link_hours()
        if hours < 48:
            return self.env._("1 hour") if hours == 1 else self.env._("%(hours)s hours", hours=hours)
        return self.env._("%(days)s days", days=hours // 24)

    def _action_reset_password(self, signup_type="reset"):
        """Keep an agent's invitation valid when a visitor requests a new password.

        Anyone can enter any address on */web/reset_password*. An invited agent gets a link that is valid as long as the
        invitation's, instead of a few hours. The mail goes to the agent's own address. Odoo runs this method with sudo
        and the visitor's user, who may not create the link, so it runs as OdooBot here.
        """
        agents = self.filtered(lambda user: user._is_portal_agent())
        if not agents or self.env.context.get("create_user"):
            return super()._action_reset_password(signup_type=signup_type)
        invited = agents.filtered(lambda user: user.sudo().partner_id.signup_type == "signup" and not user.login_date)
        result = None
        for users, kind in ((self - agents, signup_type), (agents - invited, signup_type), (invited, "signup")):
            if users:
                asking = users.with_user(SUPERUSER_ID) if users <= agents and self.env.su else users
                result = super(ResUsers, asking)._action_reset_password(signup_type=kind)
        return result
