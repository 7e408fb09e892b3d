"""Taking customers back or inviting an agent again while mails are being sent doesn't disturb Odoo's mail queue."""

import pytest

from devtools.mail import MailCatcher

pytestmark = pytest.mark.long

SECONDS_TO_ANSWER = 2

# The mail server is slow to answer to the connection (once), and to each mail (three times).
SEND_AND_CANCEL = f"""
from datetime import timedelta
import threading, time
from odoo import api

env["mail.mail"].search([]).unlink()
users = env["res.users"].browse()
for name in ("weekly", "second", "invited"):
    contact = env["res.partner"].create({{"name": name, "email": f"{{name}}@example.com"}})
    contact.action_make_portal_agent()
    users += contact.user_ids
weekly, second, invited = users
env["mail.mail"].search([]).unlink()
customer = env["res.partner"].create({{"name": "Customer", "is_company": True}})
customer.portal_agent_ids = weekly + second
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
order = env["sale.order"].create({{"partner_id": customer.id, "order_line": [(0, 0, {{"product_id": product.id}})]}})
order.action_confirm()
env["mail.mail"].search([]).unlink()
now = env.cr.now().replace(microsecond=0)
order.date_order = now - timedelta(days=1)
env.company.portal_agent_weekly_mail = True
(weekly + second)._send_weekly_mail(now)
weekly_mail = env["mail.mail"].search([("portal_agent_id", "=", weekly.id)])
invitation = env["portal.agent.invitation"]._invite(invited)
env["mail.mail"].create({{"subject": "Last", "email_to": "last@example.com", "body_html": "<p>Last</p>"}})
env.cr.commit()
finished = []

def send():
    with env.registry.cursor() as cr:
        api.Environment(cr, 1, dict())["mail.mail"].process_email_queue()
        finished.append(True)

def call(mail, record, method, *args):
    \"\"\"Call a method while a mail is being sent, without waiting for locks.\"\"\"
    with env.registry.cursor() as cr:
        cr.execute("SET LOCAL lock_timeout = '1s'")
        other = api.Environment(cr, 1, dict())
        state = other["mail.mail"].browse(mail.id).exists().state
        getattr(other[record._name].browse(record.id), method)(*args)
    return state

began = time.monotonic()
sender = threading.Thread(target=send)
sender.start()
time.sleep(2.5 * {SECONDS_TO_ANSWER})
# The mail of the other agent comes next.
seen = [call(weekly_mail, customer, "write", {{"portal_agent_ids": [(5,)]}})]
time.sleep(max(0, began + 5.5 * {SECONDS_TO_ANSWER} - time.monotonic()))
seen.append(call(invitation.mail_id, invited, "_invite_portal_agents"))
sender.join()
env.cr.rollback()
env.invalidate_all()
unsent = env["mail.mail"].search([("state", "!=", "sent")])
ok = finished and seen == ["outgoing", "outgoing"] and invitation.sent_date
# The mail that was sent is not written again; the one that was not sent is.
ok = ok and weekly.portal_agent_weekly_mail_date == now > second.portal_agent_weekly_mail_date
ok = ok and unsent == invited.portal_agent_invitation_ids[:1].mail_id != invitation.mail_id
result = "FINISHED" if ok else ("BROKEN", finished, seen, invitation.sent_date, unsent.mapped("subject"))
print("QUEUE", result, flush=True)
"""


def test_mail_that_is_being_sent_is_sent_once_and_the_next_one_without_what_was_taken_back(
    make_database, run_in_shell, tmp_path
):
    with MailCatcher(tmp_path / "slow", delay=SECONDS_TO_ANSWER) as slow:
        output = run_in_shell(make_database(), SEND_AND_CANCEL, f"--smtp-port={slow.port}")
        assert "QUEUE FINISHED" in output, output[-3000:]
        for address in ("weekly@example.com", "invited@example.com", "last@example.com"):
            assert len(slow.to(address)) == 1, address
        assert not slow.to("second@example.com")
