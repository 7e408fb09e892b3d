"""Who takes a customer back or corrects an address while the mail is being sent doesn't disturb Odoo's mail queue."""

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
for name in ("weekly", "invited"):
    contact = env["res.partner"].create({{"name": name, "email": f"{{name}}@example.com"}})
    contact.action_make_portal_agent()
    users += contact.user_ids
weekly, invited = users
env["mail.mail"].search([]).unlink()
customer = env["res.partner"].create({{"name": "Customer", "is_company": True, "portal_agent_ids": weekly.ids}})
product = env["product.product"].search([("sale_ok", "=", True)], limit=1)
order = env["sale.order"].create({{"partner_id": customer.id, "order_line": [(0, 0, {{"product_id": product.id}})]}})
order.action_confirm()
env["mail.mail"].search([]).unlink()
now = env.cr.now().replace(microsecond=0) + timedelta(minutes=1)
weekly._send_weekly_mail(now)
weekly_mail = env["mail.mail"].search([("portal_agent_id", "=", weekly.id)])
invitation_mail = env["portal.agent.invitation"]._invite(invited).mail_id
env["mail.mail"].create({{"subject": "Last", "email_to": "last@example.com", "body_html": "<p>Last</p>"}})
env.cr.commit()
finished = []

def send():
    with env.registry.cursor() as cr:
        api.Environment(cr, 1, dict())["mail.mail"].process_email_queue()
        finished.append(True)

def change(record, mail, **values):
    \"\"\"Change a record while its mail is in the hands of the sender, without waiting.\"\"\"
    with env.registry.cursor() as cr:
        cr.execute("SET LOCAL lock_timeout = '1s'")
        other = api.Environment(cr, 1, dict())
        state = other["mail.mail"].browse(mail.id).exists().state
        other[record._name].browse(record.id).write(values)
    return state

began = time.monotonic()
sender = threading.Thread(target=send)
sender.start()
time.sleep(2.5 * {SECONDS_TO_ANSWER})
seen = [change(customer, weekly_mail, portal_agent_ids=[(5,)])]
time.sleep(max(0, began + 5.5 * {SECONDS_TO_ANSWER} - time.monotonic()))
seen.append(change(invited.partner_id, invitation_mail, email="corrected@example.com"))
sender.join()
env.cr.rollback()
env.invalidate_all()
ok = finished and seen[:2] == ["outgoing", "outgoing"] and weekly.portal_agent_weekly_mail_date == now
ok = ok and invited.portal_agent_invitation_state == "sent" and not env["mail.mail"].search([("state", "!=", "sent")])
print("QUEUE", "FINISHED" if ok else ("BROKEN", finished, seen, weekly.portal_agent_weekly_mail_date, now,
      invited.portal_agent_invitation_state, env["mail.mail"].search([]).mapped("state")), flush=True)
"""


def test_taking_back_a_mail_that_is_being_sent_sends_it_once_and_the_rest_of_the_queue(
    make_database, run_in_shell, tmp_path
):
    with MailCatcher(tmp_path / "slow", delay=SECONDS_TO_ANSWER) as slow:
        output = run_in_shell(make_database(), SEND_AND_CANCEL, f"--smtp-port={slow.port}")
        assert "QUEUE FINISHED" in output, output[-3000:]
        for address in ("weekly@example.com", "invited@example.com", "last@example.com"):
            assert len(slow.to(address)) == 1, address
