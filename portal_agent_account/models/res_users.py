from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command, Domain
from odoo.tools import SQL

AGENT_GROUP = "portal_agent_account.group_portal_agent"


class ResUsers(models.Model):
    _inherit = "res.users"

    is_portal_agent = fields.Boolean(
        string="Portal Agent",
        compute="_compute_is_portal_agent",
        search="_search_is_portal_agent",
        compute_sudo=True,
        groups="base.group_user",
        help="A portal user who reads the documents of the customers assigned to them.",
    )
    portal_agent_customer_count = fields.Integer(
        string="Customers",
        compute="_compute_portal_agent_customer_count",
        groups="base.group_user",
    )
    portal_agent_currency_id = fields.Many2one(
        comodel_name="res.currency",
        string="Agent Currency",
        compute="_compute_portal_agent_amounts",
        groups="base.group_user",
    )
    portal_agent_amount_due = fields.Monetary(
        string="Open Amount",
        compute="_compute_portal_agent_amounts",
        currency_field="portal_agent_currency_id",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="What the agent's customers owe, in the currency of the current company.",
    )
    portal_agent_amount_overdue = fields.Monetary(
        string="Overdue Amount",
        compute="_compute_portal_agent_amounts",
        currency_field="portal_agent_currency_id",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="The part of the open amount whose due date has passed.",
    )

    # ---- who is an agent

    def _is_portal_agent(self):
        """Return whether this user is an agent: in the group, and a portal user.

        Asked on every request and for every field, so it only looks at the cached groups.

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

    # ---- an agent's figures

    def _compute_portal_agent_customer_count(self):
        counts = dict(
            self.env["res.partner"]._read_group(
                Domain("portal_agent_ids", "in", self.ids), ["portal_agent_ids"], ["__count"]
            )
        )
        for user in self:
            user.portal_agent_customer_count = counts.get(user._origin, 0)

    @api.depends_context("company")
    def _compute_portal_agent_amounts(self):
        Move = self.env["account.move"]
        due = self._get_portal_agent_amounts(Move._get_portal_agent_due_domain())
        overdue = self._get_portal_agent_amounts(Move._get_portal_agent_overdue_domain())
        for user in self:
            user.portal_agent_currency_id = self.env.company.currency_id
            user.portal_agent_amount_due = due.get(user._origin, 0)
            user.portal_agent_amount_overdue = overdue.get(user._origin, 0)

    def _get_portal_agent_amounts(self, domain):
        """Sum up what the customers of these agents have not paid, in the current company.

        :param Domain domain: further condition on the invoices
        :return: amount in company currency by user
        :rtype: dict
        """
        open_invoices = (
            self.env["account.move"]._get_portal_agent_invoice_domain()
            & Domain("state", "=", "posted")
            & Domain("company_id", "=", self.env.company.id)
            & Domain("portal_agent_ids", "in", self.ids)
        )
        return dict(
            self.env["account.move"]
            .sudo()
            ._read_group(open_invoices & domain, ["portal_agent_ids"], ["amount_residual_signed:sum"])
        )

    # ---- becoming an agent, and ceasing to be one

    @api.model_create_multi
    def create(self, vals_list):
        users = super().create(vals_list)
        users._check_portal_agents_are_portal()
        return users

    def write(self, vals):
        """Take the customers from whoever ceases to be an agent by this change."""
        if not {"group_ids", "active"} & vals.keys():
            return super().write(vals)
        agents_before = self.filtered(lambda user: user._is_portal_agent())
        result = super().write(vals)
        (self - agents_before)._check_portal_agents_are_portal()
        self._release_former_portal_agents()
        return result

    def unlink(self):
        self._release_portal_agent_customers()
        return super().unlink()

    @api.model
    def _search_portal_agent_logins(self, emails):
        """Find out which email addresses users log in with, archived users included.

        A login is compared without regard to letter case, and may be spelled ``Name <mail>``.

        :param emails: normalized email addresses
        :return: the address of each user who has one of them
        :rtype: list[str]
        """
        self.flush_model(["login"])
        query = SQL(
            """
            SELECT wanted.email
              FROM unnest(%s::text[]) AS wanted(email)
              JOIN res_users ON lower(btrim(coalesce(substring(login FROM '<([^<>]+)>'), login))) = wanted.email
            """,
            list(emails),
        )
        return [email for (email,) in self.env.execute_query(query)] if emails else []

    @api.model
    def _find_portal_agent_template_user(self):
        """Return the user that new portal accounts are modelled on, as in Odoo's sign-up.

        :return: ``res.users`` of one record, or none where the system parameter names nobody
        """
        value = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id")
        return self.browse(int(value) if str(value).isdecimal() else ()).exists()

    @api.model
    def _get_portal_agent_template_user(self):
        """Return the user that new portal accounts are modelled on.

        :rtype: res.users
        :raise UserError: if the system parameter names no user
        """
        template = self._find_portal_agent_template_user()
        if not template:
            raise UserError(
                self.env._(
                    "New portal accounts are copies of a template user, and the system parameter "
                    "base.template_portal_user_id names none."
                )
            )
        return template

    @api.model
    def _get_impersonal_users(self):
        """Return the users who are no persons: a website's visitors, and the model of new accounts.

        Whatever one of them may do, every visitor or every new account may do.

        :rtype: res.users
        """
        visitors = self.env["website"].sudo().search(Domain("user_id", "!=", False)).user_id | (
            self.env.ref("base.public_user", raise_if_not_found=False) or self.browse()
        )
        return visitors | self._find_portal_agent_template_user()

    def _grant_portal_agent(self):
        """Make portal agents of these users, who had access to the portal once or have it now."""
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
        """:raise ValidationError: if one of these users is not an agent"""
        others = self.sudo().filtered(lambda user: not user.is_portal_agent)
        if others:
            raise ValidationError(
                self.env._(
                    "Customers can be assigned to portal agents only. Make these users agents first: %(names)s",
                    names=", ".join(others.mapped("login")),
                )
            )

    def _check_portal_agents_are_portal(self):
        """Refuse the group to users who can't be agents.

        :raise ValidationError: if one of them is in the agents' group and not a portal user
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
        """Take the group and the customers from those of these users who can't be agents any longer.

        Nothing stays behind that would come alive when the user is activated or made a portal
        user again.
        """
        former_sudo = self.sudo().filtered(lambda user: not (user.active and user._is_portal_agent()))
        former_sudo._release_portal_agent_customers()
        group = self.env.ref(AGENT_GROUP, raise_if_not_found=False)
        if not group:
            # it is being deleted with the addon: a failure here would leave it behind
            return
        in_group = former_sudo.filtered(lambda user: group in user.group_ids)
        if in_group:
            in_group.write({"group_ids": [Command.unlink(group.id)]})

    def _release_portal_agent_customers(self):
        """Take these agents from all their customers, archived ones included."""
        customers_sudo = (
            self.env["res.partner"]
            .sudo()
            .with_context(active_test=False)
            .search(Domain("portal_agent_ids", "in", self.ids))
        )
        if customers_sudo:
            customers_sudo._change_portal_agents(remove=self)

    def action_open_portal_agent_customers(self):
        """Open the customers of this agent.

        :return: a window action
        :rtype: dict
        """
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_customers")
        return action | {
            "display_name": self.env._("Customers of %(agent)s", agent=self.name),
            "domain": [("portal_agent_ids", "in", self.ids)],
            "context": {"default_portal_agent_ids": self.ids, "portal_agent_id": self.id},
        }

    def action_assign_portal_agent_customers(self):
        """Open the wizard that gives customers to these agents.

        :return: a window action
        :rtype: dict
        """
        action = self.env["ir.actions.act_window"]._for_xml_id("portal_agent_account.action_portal_agent_assign")
        return action | {"context": {"default_agent_ids": self.ids}}

    def action_revoke_portal_agent(self):
        """Take the agents' group, and with it the customers, from these users; they stay portal users."""
        self.env["res.partner"]._check_may_make_portal_agents()
        self.sudo().write({"group_ids": [Command.unlink(self.env.ref(AGENT_GROUP).id)]})

    def action_send_portal_agent_invitation(self):
        """Queue the invitation of those of these users who are agents; the mail queue sends it."""
        self.env["res.partner"]._check_may_make_portal_agents()
        users_sudo = self.sudo().filtered("is_portal_agent")
        never_logged_in = users_sudo.filtered(lambda user: not user.login_date)
        never_logged_in.partner_id.signup_prepare()
        template_sudo = self.env.ref("portal_agent_account.mail_template_portal_agent_invitation").sudo()
        template_sudo.send_mail_batch(users_sudo.ids, email_values=self._prepare_portal_agent_invitation_values())
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()

    @api.model
    def _prepare_portal_agent_invitation_values(self):
        """Prepare what an invitation's mail has beyond its template.

        The link in it sets the agent's password, and who may read a record may read its messages: so
        this one belongs to none. Only its author and administrators read it while it waits in the queue.

        :return: values of ``mail.mail``
        :rtype: dict
        """
        return {"message_type": "user_notification", "model": False, "res_id": False}

    def _get_portal_agent_signup_url(self):
        """Return the link by which an invited agent chooses a password.

        Every employee may render a template, for whatever user: that alone must give nobody's link.

        :return: absolute URL; ``False`` for who has logged in already, or is not an agent
        :rtype: str | bool
        :raise AccessError: if the current user may not change this one
        """
        self.ensure_one()
        self.check_access("write")
        user_sudo = self.sudo()
        if user_sudo.login_date or not user_sudo._is_portal_agent():
            return False
        contact_sudo = user_sudo.partner_id
        return contact_sudo._get_signup_url_for_action(url="/my/agent")[contact_sudo.id]
