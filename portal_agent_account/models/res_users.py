from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Command, Domain

AGENT_GROUP = "portal_agent_account.group_portal_agent"


class ResUsers(models.Model):
    _inherit = "res.users"

    is_portal_agent = fields.Boolean(
        string="Portal Agent",
        compute="_compute_is_portal_agent",
        search="_search_is_portal_agent",
        compute_sudo=True,
        groups="base.group_user",
        help="A portal user who can read the documents of the customers assigned to them.",
    )

    def _is_portal_agent(self):
        """Return whether this user is a portal user in the agents' group.

        It only reads cached groups, because it is called on every request and for every field.

        :rtype: bool
        """
        self.ensure_one()
        return self._has_group(AGENT_GROUP) and self._is_portal()

    @api.depends("group_ids", "active")
    def _compute_is_portal_agent(self):
        agents = self.with_context(active_test=False).search(
            Domain("id", "in", self.ids) & Domain("is_portal_agent", "=", True)
        )
        for user in self:
            user.is_portal_agent = user._origin in agents

    def _search_is_portal_agent(self, operator, value):
        if operator != "in":
            return NotImplemented
        groups = self.env.ref(AGENT_GROUP) + self.env.ref("base.group_portal")
        domain = Domain("active", "=", True) & Domain.AND(Domain("all_group_ids", "in", group.ids) for group in groups)
        return domain if True in value else ~domain

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._check_portal_agents_are_portal()
        users.filtered(lambda user: user._is_portal_agent())._log_portal_agent_change(is_agent=True)
        return users

    def write(self, vals):
        """Remove the customers from users who are no longer agents after this change."""
        if not {"group_ids", "active"} & vals.keys():
            return super().write(vals)
        agents_before = self.filtered(lambda user: user.active and user._is_portal_agent())
        result = super().write(vals)
        (self - agents_before)._check_portal_agents_are_portal()
        self._release_former_portal_agents()
        agents = self.filtered(lambda user: user.active and user._is_portal_agent())
        (agents - agents_before)._log_portal_agent_change(is_agent=True)
        (agents_before - agents)._log_portal_agent_change(is_agent=False)
        return result

    def _log_portal_agent_change(self, is_agent):
        """Log in the chatter of these users' contacts that they became agents or are no longer agents.

        :param bool is_agent: whether the users became agents
        """
        contacts_sudo = self.sudo().partner_id
        text = self.env._("Became a portal agent.") if is_agent else self.env._("Is no longer a portal agent.")
        if contacts_sudo:
            contacts_sudo._message_log_batch(bodies=dict.fromkeys(contacts_sudo.ids, text))

    def unlink(self):
        self.check_access("unlink")
        self._release_portal_agent_customers()
        return super().unlink()

    def _grant_portal_agent(self):
        """Make these current or former portal users portal agents, without customers."""
        # A customer may have been assigned in parallel with the dismissal.
        self._release_portal_agent_customers()
        self.write(
            {
                "active": True,
                "group_ids": [
                    Command.unlink(self.env.ref("base.group_public").id),
                    Command.link(self.env.ref("base.group_portal").id),
                    Command.link(self.env.ref(AGENT_GROUP).id),
                ],
            }
        )

    def _check_is_portal_agent(self):
        """Check that all of these users are agents.

        :raise ValidationError: if one of these users is not an agent
        """
        others = self.sudo().filtered(lambda user: not user.is_portal_agent)
        if others:
            raise ValidationError(
                self.env._(
                    "Customers can be assigned to portal agents only. Make these users agents first: %(names)s",
                    names=", ".join(others.mapped("login")),
                )
            )

    def _check_portal_agents_are_portal(self):
        """Check that only portal users are in the agents' group.

        :raise ValidationError: if one of these users is in the agents' group and is not a portal user
        """
        others = self.filtered(lambda user: user._has_group(AGENT_GROUP) and not user._is_portal())
        if others:
            raise ValidationError(
                self.env._(
                    "Only portal users can be portal agents. These are not: %(names)s",
                    names=", ".join(others.mapped("login")),
                )
            )

    def _release_former_portal_agents(self):
        """Remove the group and the customers from those users who can no longer be agents.

        Otherwise they would silently become agents again when reactivated or made portal users again.
        """
        former_sudo = self.sudo().filtered(lambda user: not (user.active and user._is_portal_agent()))
        former_sudo._release_portal_agent_customers()
        group = self.env.ref(AGENT_GROUP, raise_if_not_found=False)
        if not group:
            # The group is missing while the addon is uninstalled; an error here would block that.
            return
        in_group = former_sudo.filtered(lambda user: group in user.group_ids)
        if in_group:
            in_group.write({"group_ids": [Command.unlink(group.id)]})

    def _release_portal_agent_customers(self):
        """Remove these agents from all their customers, including archived ones."""
        customers_sudo = (
            self.env["res.partner"]
            .sudo()
            .with_context(active_test=False)
            .search(Domain("portal_agent_ids", "in", self.ids))
        )
        if customers_sudo:
            customers_sudo._change_portal_agents(remove=self)

    def action_revoke_portal_agent(self):
        """Remove the agents' group, and thereby the customers, from these users. They stay portal users.

        :return: client action that lists who was dismissed and who was not
        :rtype: dict
        :raise AccessError: if the current user may not create users or may not change these users
        """
        agents_sudo = self._dismiss_portal_agents()
        others_sudo = self.sudo() - agents_sudo
        return self.env["res.partner"]._notify_portal_agents_dismissed(
            agents_sudo.mapped("name"),
            [self.env._("%(name)s is not a portal agent.", name=other.name) for other in others_sudo],
        )

    def _dismiss_portal_agents(self):
        """Remove the agents' group from the agents among these users.

        :return: ``res.users`` of the dismissed agents, with sudo
        :raise AccessError: if the current user may not create users or may not change these users
        """
        self.env["res.partner"]._check_may_make_portal_agents()
        self.check_access("write")
        agents_sudo = self.sudo().filtered("is_portal_agent")
        agents_sudo.write({"group_ids": [Command.unlink(self.env.ref(AGENT_GROUP).id)]})
        return agents_sudo
