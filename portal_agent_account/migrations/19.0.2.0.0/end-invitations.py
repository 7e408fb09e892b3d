from odoo import SUPERUSER_ID, api
from odoo.fields import Domain
from odoo.tools.mail import email_normalize_all


def migrate(cr, version):
    """Write the invitations anew that wait in the mail queue: the links in them do not work any more."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    waiting = env["mail.mail"].search(
        Domain("state", "in", ("outgoing", "exception"))
        & Domain("model", "=", False)
        & Domain("body_html", "like", "/web/signup?")
        & Domain("body_html", "like", "%2Fmy%2Fagent")
    )
    addresses = [address for mail in waiting for address in email_normalize_all(mail.email_to or "")]
    is_invited = Domain("partner_id", "in", waiting.recipient_ids.ids) | Domain("email_normalized", "in", addresses)
    agents = env["res.users"].search(Domain("is_portal_agent", "=", True) & is_invited)
    waiting.unlink()
    agents._invite_portal_agents()
