"""Two administrators make agents of two contacts with the same email address at the same time."""

MAKE_AGENTS = """
import threading
from odoo import api
from odoo.exceptions import UserError
from odoo.service.model import retrying

contacts = env["res.partner"].create([{"name": f"Twin {number}", "email": "twin@example.com"} for number in range(2)])
env.cr.commit()
both_have_read, reasons = threading.Barrier(2), []

def make_agent(contact_id):
    with env.registry.cursor() as cr:
        contact = api.Environment(cr, 1, {})["res.partner"].browse(contact_id)
        assert not contact.user_ids
        both_have_read.wait()
        try:
            retrying(contact.action_make_portal_agent, contact.env)
        except UserError as error:
            cr.rollback()
            reasons.append(str(error))

threads = [threading.Thread(target=make_agent, args=[contact.id]) for contact in contacts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
env.cr.rollback()
env.invalidate_all()
print("LOGINS", contacts.user_ids.mapped("login"), reasons, flush=True)
"""


def test_only_one_of_two_contacts_with_the_same_address_gets_the_login(make_database, run_in_shell):
    output = run_in_shell(make_database(), MAKE_AGENTS)
    [result] = [line for line in output.splitlines() if line.startswith("LOGINS")]
    assert result.startswith("LOGINS ['twin@example.com'] [")
    assert "has the email address of another user or contact" in result
