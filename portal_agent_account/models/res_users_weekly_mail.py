"""Send the weekly mail: select the agents and the time, and send each mail only once."""

import logging
from datetime import datetime, time, timedelta
from hashlib import sha256

import pytz

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import consteq, hmac, split_every
from odoo.tools.urls import urljoin

from . import agent_scope
from .mail_headers import clean_address, clean_subject

# Number of agents per transaction, which is what an interrupted run repeats at most.
PORTION = 20
# After a longer downtime, the mail of that week is skipped; the next mail covers both weeks.
LATEST_HOURS = 24
# A mail covers the time since the previous one, up to this number of days.
LONGEST_PERIOD_DAYS = 28

_logger = logging.getLogger(__name__)

TEMPLATE = "portal_agent_account.mail_template_weekly_mail"
UNSUBSCRIBE_PATH = "/my/agent/weekly-mail/unsubscribe"


class ResUsers(models.Model):
    _inherit = "res.users"

    portal_agent_weekly_mail = fields.Boolean(
        string="Weekly Mail to the Agent",
        default=True,
        groups="base.group_erp_manager",
        help="The agent's own choice. It only counts where the company sends the weekly mail.",
    )
    portal_agent_weekly_mail_date = fields.Datetime(
        string="Last Weekly Mail",
        readonly=True,
        copy=False,
        groups="base.group_erp_manager",
    )

    # ---- recipients

    @api.model
    def _get_weekly_mail_domain(self):
        """Return the condition for the agents who want the weekly mail and whose company sends it.

        :rtype: Domain
        """
        return (
            Domain("is_portal_agent", "=", True)
            & Domain("portal_agent_weekly_mail", "=", True)
            & Domain("company_id.portal_agent_weekly_mail", "=", True)
            & Domain("email_normalized", "!=", False)
        )

    def _filter_weekly_mail_due(self, now):
        """Filter the agents whose weekly mail is due.

        :param datetime now: current time in UTC
        :rtype: res.users
        """
        return self.filtered(lambda agent: agent._is_weekly_mail_due(now))

    def _is_weekly_mail_due(self, now):
        """Return whether the agent's scheduled time was within the last day and no mail was sent since.

        :param datetime now: current time in UTC
        :rtype: bool
        """
        self.ensure_one()
        slot = self._get_last_weekly_mail_slot(now)
        last = self.portal_agent_weekly_mail_date
        return now - slot < timedelta(hours=LATEST_HOURS) and (not last or last < slot)

    def _get_last_weekly_mail_slot(self, now):
        """Return the last time that matches the company's weekday and hour in the agent's time zone.

        :param datetime now: current time in UTC
        :return: datetime in UTC
        :rtype: datetime
        """
        self.ensure_one()
        company = self.company_id
        tz = pytz.timezone(self._get_weekly_mail_tz())
        local = pytz.utc.localize(now).astimezone(tz)
        clock = time(company.portal_agent_weekly_mail_hour)
        day = local.date() - timedelta(days=(local.weekday() - int(company.portal_agent_weekly_mail_weekday)) % 7)
        slot = self._localize_weekly_mail_slot(tz, day, clock)
        return slot if slot <= now else self._localize_weekly_mail_slot(tz, day - timedelta(days=7), clock)

    @api.model
    def _localize_weekly_mail_slot(self, tz, day, clock):
        return tz.localize(datetime.combine(day, clock)).astimezone(pytz.utc).replace(tzinfo=None)

    # ---- sending

    @api.model
    def _cron_send_weekly_mails(self):
        """Queue the weekly mails that are due; Odoo's mail queue sends them.

        Mails are committed in batches, together with the date on the agents: after an interruption the next run
        continues, and nobody gets two mails.
        """
        now = fields.Datetime.now()
        if not self._get_weekly_mail_template():
            _logger.warning("No weekly mail is sent to portal agents: %s", self._get_no_weekly_mail_template_message())
            return
        due_ids = self.search(self._get_weekly_mail_domain(), order="id")._filter_weekly_mail_due(now).ids
        remaining = len(due_ids)
        # Commit before locking: this transaction has read the agents, so it can't lock those changed since then.
        self.env["ir.cron"]._commit_progress(remaining=remaining)
        for ids in split_every(PORTION, due_ids):
            self.env.invalidate_all()
            self._lock_weekly_mail_due(ids, now)._send_weekly_mail(now)
            remaining -= len(ids)
            if not self.env["ir.cron"]._commit_progress(len(ids), remaining=remaining):
                break

    @api.model
    def _get_weekly_mail_template(self):
        """Return the mail template of the weekly mail.

        :return: single ``mail.template``; empty if it was deleted
        """
        template = self.env.ref(TEMPLATE, raise_if_not_found=False)
        return template or self.env["mail.template"]

    @api.model
    def _get_no_weekly_mail_template_message(self):
        """Return the message for administrators if the template was deleted.

        :rtype: str
        """
        return self.env._(
            "The mail template “Portal Agent: Weekly Mail” was deleted. To restore it, upgrade the app "
            "“Portal Agent Account”."
        )

    @api.model
    def _lock_weekly_mail_due(self, user_ids, now):
        """Lock the users whose weekly mail is still due.

        An agent may have been dismissed or may have unsubscribed since the run started. An agent that another
        transaction has locked is left to the next run.

        :param user_ids: ids of ``res.users``
        :param datetime now: start of the run, in UTC
        :rtype: res.users
        """
        locked = self.browse(user_ids).try_lock_for_update(allow_referencing=True)
        domain = self._get_weekly_mail_domain() & Domain("id", "in", locked.ids)
        return self.search(domain, order="id")._filter_weekly_mail_due(now)

    def _send_weekly_mail(self, now):
        """Queue the mails of those agents who have something to read.

        An error for one agent is logged, and the next run tries again; the other agents get their mails.

        :param datetime now: start of the run, in UTC
        """
        done = self.browse()
        for agent in self:
            since = agent._get_weekly_mail_start(now)
            try:
                with self.env.cr.savepoint():
                    sections = agent._read_weekly_mail_sections(since, now)
                    if sections:
                        agent._queue_weekly_mail(sections, since)
                done |= agent
            except Exception:
                _logger.exception("The weekly mail of the portal agent %s could not be made.", agent.id)
        if done:
            done.portal_agent_weekly_mail_date = now
            self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()

    def _get_weekly_mail_start(self, now):
        """Return the start of the period that the next mail covers, normally the time of the previous mail.

        :param datetime now: current time in UTC
        :return: datetime in UTC
        :rtype: datetime
        """
        self.ensure_one()
        last = self.portal_agent_weekly_mail_date or now - timedelta(days=7)
        return max(last, now - timedelta(days=LONGEST_PERIOD_DAYS))

    def _read_weekly_mail_sections(self, since, until):
        """Read the content of the weekly mail under the rules of the agent's pages.

        :param datetime since: time of the previous mail, in UTC
        :param datetime until: start of the run, in UTC
        :return: see :meth:`portal.agent.weekly._get_sections`
        :rtype: list[dict]
        """
        self.ensure_one()
        with agent_scope.entered(self.env, self) as env:
            # The mail covers one company; other companies have their own websites, whose pages show their documents.
            weekly = env["portal.agent.weekly"].with_context(
                tz=self._get_weekly_mail_tz(), allowed_company_ids=self.company_id.ids
            )
            return weekly._get_sections(since, until)

    def _get_weekly_mail_tz(self):
        """Return the name of the agent's time zone.

        :rtype: str
        """
        self.ensure_one()
        name = self.tz or self.company_id.partner_id.tz
        return name if name in pytz.all_timezones_set else "UTC"

    def _queue_weekly_mail(self, sections, since):
        """Render the agent's mail and add it to Odoo's mail queue.

        The figures are passed to this rendering only and are not stored on the user: a user who renders the template
        for another agent doesn't get them.

        :param list sections: sections of the mail
        :param datetime since: start of the period that the mail covers, in UTC
        """
        self.ensure_one()
        template = self._get_weekly_mail_template()
        unsubscribe_url = self._get_weekly_mail_unsubscribe_url()
        values = {"sections": sections, "unsubscribe_url": unsubscribe_url, "home_url": self._get_weekly_mail_url("")}
        subject, email_from, body = (
            template._render_field(name, self.ids, compute_lang=True, add_context=values)[self.id]
            for name in ("subject", "email_from", "body_html")
        )
        mail = self.env["mail.mail"].create(
            {
                "subject": clean_subject(subject),
                "body_html": body,
                "email_from": clean_address(email_from, self.company_id),
                "email_to": self.email_normalized,
                "headers": repr(self._prepare_weekly_mail_headers(unsubscribe_url)),
                "auto_delete": True,
                "message_type": "user_notification",
                # Linked to no record, because users who may read a record may read its messages.
                "model": False,
                "res_id": False,
            }
        )
        mail._mark_for_portal_agent(self, self._get_weekly_mail_scope(), since)

    def _get_weekly_mail_scope(self):
        """Return what a weekly mail of this agent is written for: the address and what the agent can read.

        Contacts include those of the customers, which take their documents along when they move.

        :return: hash of these values
        :rtype: str
        """
        self.ensure_one()
        company = self.company_id
        with agent_scope.entered(self.env, self) as env:
            Partner = env["res.partner"].with_context(active_test=False, allowed_company_ids=company.ids)
            contact_ids = Partner.search(Domain.TRUE, order="id").ids  # all that the agent's rules allow
        companies = (company.id, company.portal_agent_draft_quotation, sorted(self.company_ids.ids))
        return sha256(repr((self.email_normalized, companies, contact_ids)).encode()).hexdigest()

    def _is_weekly_mail_current(self, scope):
        """Return whether a weekly mail that waits in the mail queue can be sent.

        The agent is searched in the database, because the cache of groups may be older than this run of the queue.

        :param str scope: scope for which the mail was written
        :rtype: bool
        """
        agent = self.search(self._get_weekly_mail_domain() & Domain("id", "in", self.ids))
        return bool(agent) and agent._is_portal_agent() and agent._get_weekly_mail_scope() == scope

    @api.model
    def _prepare_weekly_mail_headers(self, unsubscribe_url):
        """Prepare the headers with which mail clients offer to unsubscribe (RFC 2369, RFC 8058).

        :param str unsubscribe_url: unsubscribe link of the agent
        :rtype: dict
        """
        return {
            "List-Unsubscribe": f"<{unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            # Suppress out-of-office replies.
            "X-Auto-Response-Suppress": "OOF",
        }

    # ---- links

    def _get_weekly_mail_url(self, path):
        """Return the absolute URL of an agent's page.

        :param str path: path below ``/my/agent``
        :rtype: str
        """
        self.ensure_one()
        return urljoin(self.get_base_url(), f"/my/agent{path}")

    def _get_weekly_mail_unsubscribe_url(self):
        """Return the link that unsubscribes this agent from the weekly mail. It allows nothing else.

        :return: absolute URL
        :rtype: str
        """
        self.ensure_one()
        query = f"?user={self.id}&token={self._get_weekly_mail_token()}"
        return urljoin(self.get_base_url(), UNSUBSCRIBE_PATH + query)

    def _get_weekly_mail_token(self):
        """Return the token that proves that an unsubscribe link comes from this user's mail.

        :rtype: str
        """
        self.ensure_one()
        return hmac(self.env(su=True), "portal_agent_account-weekly_mail", self.id)

    @api.model
    def _find_weekly_mail_reader(self, user_id, token):
        """Return the user of an unsubscribe link.

        :param int user_id: user id in the link
        :param str token: token in the link
        :return: single ``res.users`` with sudo; empty if the link is invalid
        """
        user_sudo = self.sudo().browse(user_id)
        if not (user_id and token) or not consteq(user_sudo._get_weekly_mail_token(), token):
            return user_sudo.browse()
        return user_sudo.exists()
