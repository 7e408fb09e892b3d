"""The invitation mails of agents and their delivery status. A mail that could not be sent is retried."""

from datetime import timedelta

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.mail import append_content_to_html
from odoo.tools.urls import urljoin

from .mail_headers import clean_address, clean_subject
from .mail_markup import has_link, replace_links

TEMPLATE = "portal_agent_account.mail_template_portal_agent_invitation"
HOME = "/my/agent"

# Odoo deletes these mails, because they have no valid address.
FINAL_FAILURES = ("mail_email_invalid", "mail_email_missing")

# Minutes after which an agent can be invited again. The delay triples with each invitation to the same address, up to
# one day, so that the button can't flood a mailbox.
RESEND_MINUTES = 5
RESEND_FACTOR = 3
MAX_RESEND_MINUTES = 24 * 60


class PortalAgentInvitation(models.Model):
    _name = "portal.agent.invitation"
    _description = "Portal Agent Invitation"
    _order = "id DESC"
    _rec_name = "user_id"

    user_id = fields.Many2one(
        comodel_name="res.users", string="Agent", required=True, readonly=True, index=True, ondelete="cascade"
    )
    email = fields.Char(string="Email Address", readonly=True)
    # Odoo deletes the mail once it is sent; an administrator may delete it to cancel the invitation.
    mail_id = fields.Many2one(comodel_name="mail.mail", readonly=True, index="btree_not_null", ondelete="set null")
    state = fields.Selection(
        selection=[
            ("outgoing", "To Be Sent"),
            ("sent", "Sent"),
            ("failed", "Not Delivered"),
            ("cancelled", "Cancelled"),
        ],
        compute="_compute_state",
        compute_sudo=True,
    )
    sent_date = fields.Datetime(readonly=True)
    failure_reason = fields.Char(readonly=True)
    attempts = fields.Integer(string="Failed Attempts", readonly=True)
    next_attempt_date = fields.Datetime(string="Next Attempt", readonly=True)

    @api.depends("sent_date", "failure_reason", "next_attempt_date", "mail_id.state")
    def _compute_state(self):
        for invitation in self:
            mail_state = invitation.mail_id.state
            # Odoo deletes a mail without a valid address, and no attempt is planned.
            is_undeliverable = not mail_state and invitation.failure_reason and not invitation.next_attempt_date
            if invitation.sent_date or mail_state in ("sent", "received"):
                invitation.state = "sent"
            elif mail_state == "outgoing":
                invitation.state = "outgoing"
            elif mail_state == "exception" or is_undeliverable:
                invitation.state = "failed"
            else:
                invitation.state = "cancelled"

    @api.model
    def _invite(self, users):
        """Queue invitations for agents. They replace earlier invitations that have not been sent.

        :param users: ``res.users`` to invite
        :return: new invitations
        :rtype: portal.agent.invitation
        :raise UserError: if the mail template was deleted
        """
        template_sudo = self._get_template()
        self._delete_unsent_mails(users)
        mails_sudo = template_sudo.send_mail_batch(users.ids, email_values=self._prepare_mail_values())
        invitations = self.create(
            [{"user_id": user.id, "mail_id": mail.id} for user, mail in zip(users, mails_sudo, strict=True)]
        )
        for invitation in invitations:
            invitation._address_mail()
        self.env.ref("mail.ir_cron_mail_scheduler_action").sudo()._trigger()
        return invitations

    @api.model
    def _get_template(self):
        """Return the mail template of the invitation.

        :return: single ``mail.template`` with sudo
        :raise UserError: if the template was deleted
        """
        template = self.env.ref(TEMPLATE, raise_if_not_found=False)
        if not template:
            raise UserError(
                self.env._(
                    "Nobody can be invited, because the mail template “Portal Agent: Invitation” was deleted. "
                    "To restore it, upgrade the app “Portal Agent Account”."
                )
            )
        return template.sudo()

    @api.model
    def _delete_unsent_mails(self, users):
        """Delete the mails of earlier invitations from the queue: a new invitation invalidates their links.

        :param users: ``res.users`` whose mails to delete
        """
        is_unsent = Domain("mail_id.state", "in", ("outgoing", "exception", "cancel"))
        self.search(Domain("user_id", "in", users.ids) & is_unsent).mail_id.try_lock_for_update().unlink()

    @api.model
    def _get_next_dates(self, users):
        """Return when agents who received an invitation at their current address can be invited again.

        :param users: ``res.users`` to check
        :return: datetimes in UTC by user id
        :rtype: dict[int, datetime]
        """
        sent = self.search(Domain("user_id", "in", users.ids) & Domain("sent_date", "!=", False))
        sent = sent.filtered(lambda invitation: invitation.email == invitation.user_id.email_normalized)
        return {
            user.id: max(invitations.mapped("sent_date")) + self._get_resend_delay(len(invitations))
            for user, invitations in sent.grouped("user_id").items()
        }

    @api.model
    def _get_resend_delay(self, count):
        """Return the delay before the next invitation.

        :param int count: number of invitations already sent to the address
        :rtype: timedelta
        """
        # Limit the exponent to keep the power small; the delay itself is limited anyway.
        return timedelta(minutes=min(RESEND_MINUTES * RESEND_FACTOR ** min(count - 1, 10), MAX_RESEND_MINUTES))

    @api.model
    def _prepare_mail_values(self):
        """Prepare the values of all invitation mails. They override what the template was edited to.

        The mail is not linked to a record: users who may read the record could read its messages.

        :return: ``mail.mail`` values
        :rtype: dict
        """
        return {
            "message_type": "user_notification",
            "model": False,
            "res_id": False,
            "auto_delete": True,
            "email_cc": False,
            "recipient_ids": [],
            "partner_ids": [],
            "scheduled_date": False,
        }

    def _address_mail(self):
        """Address the mail only to the agent, and insert the agent's signup link.

        The template contains no link of its own, because every employee may edit and render templates.
        """
        self.ensure_one()
        mail_sudo = self.mail_id.sudo()
        company = self.user_id.company_id
        self.email = self.user_id.email_normalized
        mail_sudo.write(
            {
                "subject": clean_subject(mail_sudo.subject),
                "email_from": clean_address(mail_sudo.email_from, company),
                "reply_to": clean_address(mail_sudo.reply_to or mail_sudo.email_from, company),
                "email_to": self.email,
                "body_html": self._insert_link(mail_sudo.body_html or ""),
            }
        )
        mail_sudo._mark_for_portal_agent(self.user_id, self._get_scope())

    def _insert_link(self, body):
        """Replace the links to the agent's pages in the mail with the link to choose a password.

        :param str body: body rendered from the template
        :rtype: str
        :raise UserError: if a tag in the body is not closed properly or other code in it could disclose the link
        """
        self.ensure_one()
        url = self._get_signup_url()
        if not url:
            return body
        home = urljoin(self.user_id.get_base_url(), HOME)
        if not has_link(body, home):
            link = Markup('<p><a href="%s">%s</a></p>') % (home, self.env._("Choose a Password"))
            body = append_content_to_html(body, link, plaintext=False)
        return replace_links(self.env, body, {home: url})

    def _get_signup_url(self):
        """Return the link with which the agent chooses a password.

        :return: absolute URL; ``False`` if the agent has already signed in
        :rtype: str | bool
        """
        self.ensure_one()
        if self.user_id.login_date:
            return False
        contact = self.user_id.partner_id.with_user(api.SUPERUSER_ID)
        return contact._get_signup_url_for_action(url=HOME)[contact.id]

    @api.model
    def _record_result(self, mails, failure_type=None, failure_reason=None):
        """Record on the invitations behind some mails whether the mail server accepted them.

        :param mails: ``mail.mail`` records
        :param str failure_type: Odoo's failure type, if the mails were not sent
        :param str failure_reason: failure message
        """
        for invitation in self.search(Domain("mail_id", "in", mails.ids)):
            if failure_type:
                reason = failure_reason or invitation.mail_id.failure_reason or failure_type
                invitation._record_failure(reason, is_final=failure_type in FINAL_FAILURES)
            else:
                invitation.write(
                    {"sent_date": fields.Datetime.now(), "failure_reason": False, "next_attempt_date": False}
                )

    def _record_failure(self, reason, is_final=False):
        """Schedule the next attempt, and log the first failure in the chatter of the agent's contact.

        :param str reason: reason why the mail was not sent
        :param bool is_final: whether another attempt would fail in the same way
        """
        self.ensure_one()
        attempts = self.attempts + 1
        next_attempt = not is_final and fields.Datetime.now() + self._get_delay(attempts)
        self.write({"attempts": attempts, "failure_reason": reason, "next_attempt_date": next_attempt})
        cron = self.env.ref("portal_agent_account.ir_cron_portal_agent_invitation", raise_if_not_found=False)
        if next_attempt and cron:
            cron.sudo()._trigger(next_attempt)
        if attempts == 1:
            self.user_id.partner_id._message_log(
                body=self.env._("The invitation of this agent was not delivered: %(reason)s", reason=reason)
            )

    @api.model
    def _get_delay(self, attempts):
        """Return the delay before the next attempt: it doubles each time, up to six hours.

        :param int attempts: number of failed attempts
        :rtype: timedelta
        """
        return min(timedelta(minutes=5) * 2 ** (attempts - 1), timedelta(hours=6))

    @api.model
    def _cron_retry(self):
        """Queue failed invitations again as long as their links are valid.

        Mails that an administrator cancelled or deleted in the mail queue are not retried.
        """
        now = fields.Datetime.now()
        valid_from = now - timedelta(hours=self.env["res.users"]._get_portal_agent_link_hours())
        due = self.search(
            Domain("next_attempt_date", "<=", now)
            & Domain("create_date", ">", valid_from)
            & Domain("mail_id.state", "=", "exception")
        )
        if due:
            due.mail_id.mark_outgoing()
            self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()

    def _get_scope(self):
        """Return what the mail is written for: the link is void after a change of the address or the login.

        :rtype: str
        """
        self.ensure_one()
        return f"{self.user_id.email_normalized} {self.user_id.login}"

    def _is_current(self):
        """Return whether this is the last invitation of an agent, and made for the agent's present address and login.

        The agent is searched in the database, because the cache of groups may be older than this run of the mail queue.

        :rtype: bool
        """
        self.ensure_one()
        user = self.user_id
        is_last = self == user.portal_agent_invitation_ids.sorted("id")[-1:]
        is_agent = Domain("is_portal_agent", "=", True) & Domain("id", "=", user.id)
        return is_last and self.mail_id.portal_agent_scope == self._get_scope() and bool(user.search_count(is_agent))
