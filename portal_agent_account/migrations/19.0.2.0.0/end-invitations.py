import logging
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.mail import email_normalize_all

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Replace the invitations in the mail queue, because their links are no longer valid.

    Agents who have signed in since are not invited again. Neither are those whose mail is older than the validity of
    its link: such invitations have been given up. An agent who can't be invited doesn't stop the upgrade; the agents'
    list shows that there is no invitation.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    waiting = env["mail.mail"].search(
        Domain("state", "in", ("outgoing", "exception"))
        & Domain("model", "=", False)
        & Domain("body_html", "like", "/web/signup?")
        & Domain("body_html", "like", "%2Fmy%2Fagent")
    )
    hours = env["res.users"]._get_portal_agent_link_hours()
    start = fields.Datetime.now() - timedelta(hours=hours)
    recent = waiting.filtered(lambda mail: mail.create_date >= start)
    addresses = [address for mail in recent for address in email_normalize_all(mail.email_to or "")]
    is_invited = Domain("partner_id", "in", recent.recipient_ids.ids) | Domain("email_normalized", "in", addresses)
    agents = env["res.users"].search(Domain("is_portal_agent", "=", True) & is_invited)
    waiting.unlink()
    agents = agents.filtered(lambda agent: not agent.login_date)
    reasons = agents._correct_portal_agent_logins()
    for reason in reasons.values():
        _logger.warning("An agent was not invited: %s", reason)
    try:
        with cr.savepoint():
            agents.filtered(lambda agent: agent.id not in reasons)._invite_portal_agents()
    except UserError as error:
        _logger.warning("The agents whose invitations were in the mail queue were not invited: %s", error)
