"""Inviting agents, and the links by which they choose a password."""

from odoo import SUPERUSER_ID, api, fields, models


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

        :return: a client action that says who was invited
        :rtype: dict
        """
        self.env["res.partner"]._check_may_make_portal_agents()
        self.check_access("write")
        users_sudo = self.sudo().filtered("is_portal_agent")
        users_sudo.filtered(lambda user: not user.login_date).partner_id.signup_prepare()
        self.env["portal.agent.invitation"].sudo()._invite(users_sudo)
        return self.env["res.partner"]._notify_portal_agents_made(users_sudo)

    @api.model
    def _get_portal_agent_link_hours(self):
        """Return for how many hours the link of an invitation works, as Odoo's own invitations say.

        :rtype: int
        """
        return int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))

    def _get_portal_agent_link_days(self):
        """Return for how many days the link of an invitation works, for its template.

        :rtype: int
        """
        return max(self._get_portal_agent_link_hours() // 24, 1)

    def _action_reset_password(self, signup_type="reset"):
        """Mail the link to whom it belongs, whoever asks for it, and leave an agent's invitation valid.

        Anybody may ask for any address on */web/reset_password*. That neither makes the link of an invitation
        run out within hours nor gives it to whoever asks: Odoo makes the mail in a privileged environment, in
        the name of the visitor, and sends it to the agent's own address.
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
