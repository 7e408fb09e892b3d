import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, email_normalize
from odoo.tools.mail import email_normalize_all
from odoo.tools.urls import urljoin

_logger = logging.getLogger(__name__)

# The address inside a login, as ``email_normalize`` reads it: "Bob <Bob@Example.com>" and
# " bob@example.com" are the same person. The same expression in the indexes and in the look-up,
# or PostgreSQL would read every user.
LOGIN_ADDRESS_SQL = "lower(btrim(coalesce(substring(login from '<([^<>]+)>'), login)))"

INVITATION_BATCH_SIZE = 20
# In how many minutes what another transaction was writing on is looked at again.
LOCKED_MINUTES = 1
# A server that answers but refuses (greylisting, a full mailbox) is asked again after 5, 15, 45,
# 135 and 405 minutes. One that can't be reached is tried every 5 minutes until it is back.
RETRY_MINUTES = 5
RETRY_FACTOR = 3
MAX_REFUSALS = 5


class ResUsers(models.Model):
    _inherit = "res.users"

    auto_portal_order_id = fields.Many2one(
        comodel_name="sale.order",
        string="Created by Order",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_erp_manager",
        help="The sales order whose confirmation created this portal account.",
    )
    portal_invitation_state = fields.Selection(
        selection=[
            ("to_send", "To send"),
            ("queued", "In the mail queue"),
            ("sent", "Sent"),
            ("failed", "Not delivered"),
        ],
        string="Portal Invitation",
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
    )
    portal_invitation_mail_id = fields.Many2one(
        comodel_name="mail.mail",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_erp_manager",
    )
    portal_invitation_next_try = fields.Datetime(
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
    )
    portal_invitation_refusals = fields.Integer(
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
    )

    _portal_invitation_pending_idx = models.Index(
        "(id) WHERE portal_invitation_state IN ('to_send', 'queued', 'failed')"
    )
    _login_address_idx = models.Index(f"({LOGIN_ADDRESS_SQL})")
    # The last guard behind the lock and the look-ups: the constraint of ``website``,
    # UNIQUE (login, website_id), lets equal logins through where the website is empty.
    _auto_portal_login_uniq = models.UniqueIndex(
        f"({LOGIN_ADDRESS_SQL}, (coalesce(website_id, 0))) WHERE auto_portal_order_id IS NOT NULL",
        "A portal account with this email exists already.",
    )

    # === ACCOUNTS === #

    @api.model
    def _search_portal_logins(self, emails):
        """Find the users, archived ones too, that log in with one of the given addresses.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: the addresses that are in use, each with the websites that it is in use on;
            ``0`` stands for all websites
        :rtype: set[tuple[str, int]]
        """
        if not emails:
            return set()
        self.flush_model(["login", "website_id"])
        address = SQL(LOGIN_ADDRESS_SQL)
        return set(
            self.env.execute_query(
                SQL(
                    """
            SELECT wanted.email, coalesce(res_users.website_id, 0)
              FROM unnest(%s) AS wanted(email)
              JOIN res_users ON %s = lower(wanted.email)
            """,
                    list(emails),
                    address,
                )
            )
        )

    @api.model
    def _lock_portal_logins(self, emails):
        """Reserve addresses until the end of the transaction, without waiting for anybody.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: those that no other transaction is making an account for at this moment
        :rtype: set[str]
        """
        if not emails:
            return set()
        # Evaluated once a row: the locks that can't be had now are left, not waited for.
        rows = self.env.execute_query(
            SQL(
                """
            SELECT wanted.email
              FROM unnest(%s) AS wanted(email)
             WHERE pg_try_advisory_xact_lock(hashtextextended('sale_auto_portal_user:' || lower(wanted.email), 0))
            """,
                sorted(emails),
            )
        )
        return {email for (email,) in rows}

    @api.model
    def _search_committed_portal_logins(self, emails):
        """Find what :meth:`_search_portal_logins` can't see: users committed since this transaction began.

        Transactions are REPEATABLE READ: theirs is the database as it was at their first query.
        Once an address is locked, whoever held the lock before has committed, and a look from
        outside this transaction finds that user.

        :param emails: normalized email addresses
        :type emails: collection of str
        :return: as :meth:`_search_portal_logins`
        :rtype: set[tuple[str, int]]
        """
        # An addon that is being installed may have locked the table of users in this very
        # transaction: another connection would wait for it for ever.
        if not emails or not self.env.registry.ready:
            return set()
        with self.env.registry.cursor() as cr:
            return self.with_env(self.env(cr=cr))._search_portal_logins(emails)

    @api.model
    def _create_portal_users(self, vals_list):
        """Create portal users modelled on the template user, in one batch and without any email.

        The batch form of ``_create_user_from_template`` (auth_signup), which copies one user at a
        time.

        :param list[dict] vals_list: per user at least ``login`` and ``partner_id``
        :return: the new users, in the order of ``vals_list``
        :rtype: res.users recordset
        :raise UserError: there is no template user
        """
        template = self._get_portal_template_user()
        users = self.with_context(
            no_reset_password=True,  # the invitation is ours, and leaves after the commit
            mail_create_nolog=True,  # one message a user; logged in one batch below
            portal_account_batch=True,
        ).create([template.copy_data({"active": True, **vals})[0] for vals in vals_list])
        users._log_portal_access_granted()
        return users

    def _inverse_notification_type(self):
        """Spare the new accounts whose groups say the same already: to write groups empties Odoo's caches."""
        users = self
        if self.env.context.get("portal_account_batch"):
            inbox = self.env.ref("mail.group_mail_notification_type_inbox")
            users = self.filtered(lambda user: (inbox in user.group_ids) != (user.notification_type == "inbox"))
        return super(ResUsers, users)._inverse_notification_type() if users else None

    @api.model
    def _get_portal_template_user(self):
        """Return the user that new portal accounts are modelled on.

        :return: the user named by the parameter ``base.template_portal_user_id``, as Odoo's sign-up
        :rtype: res.users record
        :raise UserError: the parameter names no user
        """
        template_id = self.env["ir.config_parameter"].sudo().get_param("base.template_portal_user_id", "")
        template = self.browse(int(template_id) if template_id.isdigit() else False).exists()
        if not template:
            raise UserError(
                self.env._(
                    "There is no portal template user: the system parameter base.template_portal_user_id names none."
                )
            )
        return template

    def _log_portal_access_granted(self):
        """Note on the contacts what Odoo notes when a user gets portal access, in one batch."""
        portal_users = self.filtered(lambda user: user._is_portal())
        portal_users.partner_id._message_log_batch(
            {user.partner_id.id: user._get_portal_access_update_body(True) for user in portal_users}
        )

    # === INVITATIONS === #

    def _request_portal_invitation(self):
        """Have the invitation sent once this transaction is committed, and not before.

        The transaction that confirms a sale talks to no mail server: a scheduled action does, and
        it sees only what was committed, once, however often the transaction was retried.
        """
        self._schedule_portal_invitation(values={"portal_invitation_refusals": 0})

    def _request_portal_invitation_again(self):
        """Have another invitation sent, in place of one that waits in Odoo's mail queue.

        One that is being handed to the mail server at this moment is on its way: nothing is to be done.

        :raise LockError: somebody else is writing on the user
        """
        self.ensure_one()
        # The user first and then the mail, as the scheduled action does.
        self.lock_for_update(allow_referencing=True)
        mail_sudo = self.portal_invitation_mail_id.sudo()
        if mail_sudo.try_lock_for_update() == mail_sudo:
            mail_sudo.unlink()
            self._request_portal_invitation()

    def _schedule_portal_invitation(self, minutes=0, values=None):
        """Have the scheduled action send the invitation.

        :param int minutes: in how many minutes; 0: as soon as this transaction is committed
        :param values: what else is to be written, in the same go
        :type values: dict or None
        """
        next_try = fields.Datetime.now() + timedelta(minutes=minutes)
        self.write(
            {
                "portal_invitation_state": "to_send",
                "portal_invitation_next_try": next_try,
                **(values or {}),
            }
        )
        self._trigger_portal_invitations(next_try)

    @api.model
    def _trigger_portal_invitations(self, at):
        """Wake the scheduled action.

        :param datetime.datetime at: when
        """
        cron = self.env.ref("sale_auto_portal_user.ir_cron_send_portal_invitations", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at=at)

    @api.model
    def _cron_send_portal_invitations(self):
        """Send the invitations that are due; settle those that an interrupted run left behind.

        Whatever is left when the time is over is told to Odoo, which then runs the action again
        before it waits for its next hour.
        """
        cron = self.env["ir.cron"]
        queued = self.with_context(active_test=False).search([("portal_invitation_state", "=", "queued")])
        queued._settle_portal_invitations()
        while users := self._search_portal_invitations_due()._lock_portal_invitations(INVITATION_BATCH_SIZE):
            users._queue_portal_invitations()
            # Committed before it is sent: a run that is killed here leaves mails in Odoo's queue,
            # never a mail that was sent for an account that was rolled back.
            remaining_time = cron._commit_progress(len(users), remaining=len(self._search_portal_invitations_due()))
            unreachable = users._send_queued_portal_invitations()
            # Where no server is reached the others wait like those that were tried, with one trigger.
            cron._commit_progress(remaining=0 if unreachable else None)
            if unreachable or not remaining_time:
                break

    @api.model
    def _search_portal_invitations_due(self):
        """Search the users whose invitation is to be sent now.

        :return: the longest waiting first
        :rtype: res.users recordset
        """
        return self.with_context(active_test=False).search(
            [
                ("portal_invitation_state", "=", "to_send"),
                ("portal_invitation_next_try", "<=", fields.Datetime.now()),
            ],
            order="portal_invitation_next_try, id",
        )

    def _lock_portal_invitations(self, limit=None):
        """Keep the users that nobody else is writing on: one of them would undo the whole run.

        :param limit: at most so many
        :type limit: int or None
        :return: the locked ones; the others are looked at again a little later
        :rtype: res.users recordset
        """
        locked = self.try_lock_for_update(allow_referencing=True, limit=limit)
        if len(locked) < min(len(self), limit or len(self)):
            self._trigger_portal_invitations(fields.Datetime.now() + timedelta(minutes=LOCKED_MINUTES))
        return locked

    def _queue_portal_invitations(self):
        """Render the invitations into Odoo's mail queue."""
        # Who has logged in meanwhile needs none any more; who was archived is to have none.
        welcome = self.filtered("login_date")
        welcome.portal_invitation_state = "sent"
        archived = (self - welcome).filtered(lambda user: not user.active)
        archived.portal_invitation_state = False
        users = (self - welcome - archived)._follow_portal_addresses()
        users.partner_id.signup_prepare()
        for template, group in users.grouped(
            lambda user: user._get_portal_company()._get_auto_portal_user_template()
        ).items():
            group._render_portal_invitations(template)

    def _follow_portal_addresses(self):
        """Have these users, who never logged in, log in with the address that the invitation goes to.

        It differs where somebody corrected the contact's address since the account was created. The
        link of one login is never sent to the address of another.

        :return: those who can be invited now; of the others the order says why not
        :rtype: res.users recordset
        """
        followers = self.filtered(lambda user: not user._is_portal_login_the_address())
        if followers:
            taken, free = followers.auto_portal_order_id._reserve_portal_logins()
            for user in followers:
                user._follow_portal_address(taken, free)
        return self.filtered(lambda user: user._is_portal_login_the_address())

    def _is_portal_login_the_address(self):
        """Tell whether mails to this user go to the address that the user logs in with, and to no other.

        :rtype: bool
        """
        self.ensure_one()
        return email_normalize_all(self.email) == [email_normalize(self.login)]

    def _follow_portal_address(self, taken, free):
        """Change the login to the address of the contact, by the rules for a new account.

        :param taken: see :meth:`sale.order._get_portal_account_decision`; the new login is added
        :type taken: set[tuple[str, int]]
        :param free: see there
        :type free: set[str]
        """
        self.ensure_one()
        order = self.auto_portal_order_id.filtered(lambda order: order.partner_id == self.partner_id)
        decision = order._get_portal_account_decision(taken, free) if order else "error"
        if decision == "create":
            self.login = order._get_portal_login()
            taken.add((self.login, self.website_id.id or 0))
        elif decision == "pending":
            self._schedule_portal_invitation(minutes=LOCKED_MINUTES)
        else:
            env = self.auto_portal_order_id._portal_account_env()
            self._portal_invitation_failed(order.with_env(env)._get_portal_account_issue_label(decision))

    def _notify_security_setting_update(self, subject, content, mail_values=None, **kwargs):
        """Spare who is about to be invited the alert that the login has changed: they never knew the old one."""
        users = self.filtered(lambda user: user.login_date or user.sudo().portal_invitation_state != "to_send")
        return super(ResUsers, users)._notify_security_setting_update(subject, content, mail_values, **kwargs)

    def _send_queued_portal_invitations(self):
        """Hand the rendered invitations to the mail server.

        :return: as :meth:`_settle_portal_invitations`
        :rtype: res.users recordset
        """
        mails = self.portal_invitation_mail_id
        if mails:  # without any id Odoo would send its whole queue
            self.env["mail.mail"].process_email_queue(mails.ids)
        return self._settle_portal_invitations()

    def _render_portal_invitations(self, template):
        """Render the invitations of one template; who can't be rendered doesn't stop the others.

        :param template: mail.template record on ``res.users``
        """
        try:
            with self.env.cr.savepoint():
                mails = template.send_mail_batch(self.ids, email_values=self._prepare_invitation_mail_values())
                for user, mail in zip(self, mails, strict=True):
                    user.write({"portal_invitation_state": "queued", "portal_invitation_mail_id": mail.id})
        except Exception as error:
            if len(self) == 1:
                _logger.warning("The invitation of portal user %s could not be rendered", self.login, exc_info=error)
                self._portal_invitation_failed(str(error))
                return
            for user in self:
                user._render_portal_invitations(template)

    @api.model
    def _prepare_invitation_mail_values(self):
        """Prepare what an invitation's mail has beyond its template.

        :return: values of ``mail.mail``
        :rtype: dict
        """
        return {
            # Kept until its outcome is known, then deleted: it carries the link that sets the password.
            "auto_delete": False,
            # For the same reason in nobody's chatter.
            "message_type": "user_notification",
            "model": False,
            "res_id": False,
        }

    def _settle_portal_invitations(self):
        """Read from Odoo's mail queue what became of the invitations.

        :return: users whose invitation could not be handed over because no server was reached
        :rtype: res.users recordset
        """
        unreachable = waiting = self.browse()
        for user in self._lock_portal_invitations().filtered(lambda user: user.portal_invitation_state == "queued"):
            mail_sudo = user.portal_invitation_mail_id.sudo()
            if mail_sudo.state == "outgoing":  # Odoo's own queue has it in hand
                waiting += user
                continue
            if mail_sudo.state == "sent":
                user.portal_invitation_state = "sent"
            elif mail_sudo.state == "exception" and not mail_sudo.failure_type:
                # Odoo gives a reason of failure a type, but where it could not connect at all.
                unreachable += user
            else:
                user._portal_invitation_refused(mail_sudo.failure_reason)
            user.portal_invitation_mail_id = False
            mail_sudo.unlink()
        if unreachable:
            unreachable._schedule_portal_invitation(minutes=RETRY_MINUTES)
        if waiting:
            self._trigger_mail_queue()
        return unreachable

    @api.model
    def _trigger_mail_queue(self):
        """Have Odoo's queue sent and settled sooner than in an hour.

        That is where invitations stay when a mail server hangs up, or this one is killed, between two of them.
        """
        at = fields.Datetime.now() + timedelta(minutes=RETRY_MINUTES)
        cron = self.env.ref("mail.ir_cron_mail_scheduler_action", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at=at)
        self._trigger_portal_invitations(at + timedelta(minutes=1))

    def _portal_invitation_refused(self, reason):
        """Try a refused invitation again later, or give it up after the last attempt.

        :param reason: what the mail server said
        :type reason: str or False
        """
        self.ensure_one()
        if self.portal_invitation_refusals >= MAX_REFUSALS:
            self._portal_invitation_failed(reason)
            return
        self._schedule_portal_invitation(minutes=RETRY_MINUTES * RETRY_FACTOR**self.portal_invitation_refusals)
        self.portal_invitation_refusals += 1

    def _portal_invitation_failed(self, reason):
        """Give an invitation up, and say so on the order that it was for.

        :param reason: what went wrong
        :type reason: str or False
        """
        self.ensure_one()
        self.portal_invitation_state = "failed"
        order = self.auto_portal_order_id
        if order:
            order._log_portal_account_notes(
                {
                    order: order._portal_account_env()._(
                        "The invitation to the portal account could not be delivered to %(email)s: %(reason)s",
                        email=self.email or self.login,
                        reason=reason or "",
                    )
                }
            )

    def _get_portal_invitation_url(self):
        """Return the link that sets the password and lands on the order.

        Every employee may render a template, for whatever user: that alone must give nobody's link.

        :return: absolute URL, on the domain of the website where the order was placed; ``False`` for
            who has logged in already, or is not a portal user
        :rtype: str or bool
        :raise AccessError: the current user may not change this one
        """
        self.ensure_one()
        self.check_access("write")
        user_sudo = self.sudo()
        if user_sudo.login_date or not user_sudo._is_portal():
            return False
        order_sudo, contact_sudo = user_sudo.auto_portal_order_id, user_sudo.partner_id
        urls = contact_sudo.with_context(relative_url=True)._get_signup_url_for_action(
            url=order_sudo.access_url or "/my"
        )
        return urljoin((order_sudo or user_sudo).get_base_url(), urls[contact_sudo.id])

    def _get_portal_invitation_validity(self):
        """Say how long the link in an invitation works: Odoo's ``auth_signup.signup.validity.hours``.

        :return: whole days from two days on, else hours
        :rtype: str
        """
        hours = int(self.env["ir.config_parameter"].sudo().get_param("auth_signup.signup.validity.hours", 144))
        if hours >= 48:
            return self.env._("%(days)s days", days=hours // 24)
        return self.env._("1 hour") if hours == 1 else self.env._("%(hours)s hours", hours=hours)

    def _may_reset_portal_password(self):
        """Return whether the login page sends a new link to who asks for one: Odoo's ``auth_signup.reset_password``.

        :rtype: bool
        """
        return self.env["ir.config_parameter"].sudo().get_param("auth_signup.reset_password") == "True"

    def _get_portal_company(self):
        """Return the company that invites: the order's, which may be a branch of the account's own.

        :rtype: res.company record
        """
        self.ensure_one()
        return self.auto_portal_order_id.company_id or self.company_id

    def _get_portal_shop(self):
        """Return who invites: the website where the order was placed, else the company.

        :rtype: website or res.company record
        """
        self.ensure_one()
        return self.auto_portal_order_id.website_id or self._get_portal_company()

    def _get_portal_shop_logo_url(self):
        """Return the address of the shop's logo.

        :return: absolute URL, readable without logging in
        :rtype: str
        """
        self.ensure_one()
        shop = self._get_portal_shop()
        path = f"/web/image/website/{shop.id}/logo" if shop._name == "website" else f"/logo.png?company={shop.id}"
        return urljoin(shop.get_base_url(), path)
