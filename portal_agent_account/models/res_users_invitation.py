"""Inviting agents, and the links by which they choose a password."""

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime


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
        """Queue the invitations of those of these users who are agents; the mail queue sends them.

        Who was invited a short time ago is left out.

        :return: a client action that says who was invited and who was not
        :rtype: dict
        :raise AccessError: if the current user may not create users or not change these
        :raise UserError: if none of these users can be invited now
        """
        Partner = self.env["res.partner"]
        Partner._check_may_make_portal_agents()
        self.check_access("write")
        reasons = self._get_reasons_against_portal_agent_invitation()
        users_sudo = self.sudo().filtered(lambda user: user.id not in reasons)
        if reasons and not users_sudo:
            raise UserError("\n".join(reasons.values()))
        users_sudo._invite_portal_agents()
        return Partner._notify_portal_agents_invited(users_sudo.mapped("name"), reasons.values())

    def _invite_portal_agents(self):
        """Queue the invitations of these agents, however short the time since the last ones."""
        self.filtered(lambda user: not user.login_date).partner_id.signup_prepare()
        self.env["portal.agent.invitation"].sudo()._invite(self)

    def _get_reasons_against_portal_agent_invitation(self):
        """Say which of these users can't be invited now, and why.

        :return: a sentence by the user's id
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

    @api.model
    def _get_portal_agent_link_hours(self):
        """Return for how many hours the link of an invitation works, as Odoo's own invitations say.

        :rtype: int
        """
        return int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))

    def _get_portal_agent_link_validity(self):
        """Return how long the link of an invitation works, in words for its template.

        :rtype: str
        """
        hours = self._get_portal_agent_link_hours()
        if hours < 48:
            return self.env._("1 hour") if hours == 1 else self.env._("%(hours)s hours", hours=hours)
        return self.env._("%(days)s days", days=hours // 24)

    def _action_reset_password(self, signup_type="reset"):
        """Keep an agent's invitation valid when somebody asks for a new password.

        Anybody can enter any address on */web/reset_password*. An agent who was invited gets a link that works as long
        as that of the invitation, not for hours only. The mail goes to the agent's own address. Odoo makes it in a
        privileged environment in the name of the visitor, who may not get the link.
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
