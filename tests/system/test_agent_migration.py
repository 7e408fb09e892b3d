"""Upgrade of a database with version 19.0.1.0.0 of both addons, which agents use."""

from urllib.parse import urlsplit

import pytest
import requests

from devtools import server
from tests.system import agent, test_invitation_migration
from tests.system.conftest import PENDING_ACCOUNTS

ADDONS = "portal_agent_account,sale_auto_portal_user"
SIGNED_IN, INVITED, WAITING = "ben@agents.example.com", "ada@agents.example.com", "cleo@agents.example.com"
GIVEN_UP = "dora@agents.example.com"

# Four agents: one has signed in (after an invitation that failed); the invitations of the others were sent, wait in the
# mail queue, or failed a year ago. A website has copies of a template that has changed since, and of one that has not.
FILL = f'''
product = env["product.product"].create({{"name": "Chair", "list_price": 10}})
contacts = env["res.partner"].create(
    [{{"name": email.split("@")[0].title(), "email": email}} for email in {[SIGNED_IN, INVITED, WAITING, GIVEN_UP]}]
)
contacts.action_make_portal_agent()
agents = env["res.users"].concat(*(contact.user_ids for contact in contacts))
agents[0].password = "ben-has-a-password"
env["res.users.log"].with_user(agents[0]).sudo().create({{}})
customers = env["res.partner"].create(
    [{{"name": f"Customer {{n}}", "is_company": True, "portal_agent_ids": agents[: n + 1].ids}} for n in range(2)]
)
for customer in customers:
    line = (0, 0, {{"product_id": product.id}})
    env["sale.order"].create({{"partner_id": customer.id, "order_line": [line]}}).action_confirm()
env.company.portal_agent_draft_quotation = False
website = env["website"].search([], limit=1)
copies = {{"portal_agent_orders": "<t t-out='numbered_orders[1]'/>", "portal_agent_empty": "<p>Field desk</p>"}}
for name, arch in copies.items():
    view = env.ref(f"portal_agent_account.{{name}}")
    view.with_context(website_id=website.id).arch_db = f"<t t-name='portal_agent_account.{{name}}'>{{arch}}</t>"
env["mail.mail"].search([("body_html", "like", "%2Fmy%2Fagent")]).unlink()
link = '<a href="https://shop/web/signup?token=old&amp;redirect=%2Fmy%2Fagent">Choose a Password</a>'
for recipient in ({{"recipient_ids": [(4, contacts[2].id)]}}, {{"email_to": "{WAITING}"}}):
    env["mail.mail"].create(recipient | {{"body_html": link, "message_type": "user_notification"}})
for email in ("{SIGNED_IN}", "{GIVEN_UP}"):
    failed = env["mail.mail"].create({{"email_to": email, "body_html": link, "message_type": "user_notification"}})
    failed.state = "exception"
env.flush_all()
env.cr.execute("UPDATE mail_mail SET create_date = create_date - interval '1 year' WHERE id = %s", [failed.id])
env["mail.mail"].create({{"email_to": "{WAITING}", "subject": "Something else", "state": "cancel"}})
env.cr.commit()
'''

# The differences between a new database and a real upgraded one.
OLD_FORM = """
DROP TABLE portal_agent_invitation, portal_agent_access, portal_agent_hand_over CASCADE;
ALTER TABLE res_users DROP COLUMN portal_agent_weekly_mail, DROP COLUMN portal_agent_weekly_mail_date;
ALTER TABLE res_company DROP COLUMN portal_agent_weekly_mail, DROP COLUMN portal_agent_weekly_mail_weekday,
    DROP COLUMN portal_agent_weekly_mail_hour, DROP COLUMN portal_agent_shown_to_customer;
DELETE FROM ir_cron USING ir_model_data AS data
 WHERE data.res_id = ir_cron.id AND data.module = 'portal_agent_account' AND data.model = 'ir.cron';
DELETE FROM mail_template USING ir_model_data AS data
 WHERE data.res_id = mail_template.id AND data.module = 'portal_agent_account'
   AND data.name = 'mail_template_weekly_mail';
DELETE FROM ir_model_data
 WHERE module = 'portal_agent_account' AND (model = 'ir.cron' OR name = 'mail_template_weekly_mail');
CREATE INDEX sale_order_portal_agent_figures_idx ON sale_order (partner_id, date_order) INCLUDE (id, amount_total);
INSERT INTO ir_model_constraint (name, model, module, type)
SELECT 'sale_order_portal_agent_figures_idx', ir_model.id, ir_module_module.id, 'i' FROM ir_model, ir_module_module
 WHERE model = 'sale.order' AND ir_module_module.name = 'portal_agent_account';
INSERT INTO ir_model_data (module, name, model, res_id)
SELECT 'portal_agent_account', 'constraint_' || name, 'ir.model.constraint', id FROM ir_model_constraint
 WHERE name = 'sale_order_portal_agent_figures_idx';
UPDATE mail_template
   SET body_html = jsonb_build_object('en_US',
           '<div>Field desk <t t-set="signup_url" t-value="object._get_portal_agent_signup_url()"></t>'
           '<a t-att-href="signup_url or ''%s/my/agent'' % object.get_base_url()">Go</a></div>'),
       write_date = create_date
 WHERE id = (SELECT res_id FROM ir_model_data
             WHERE module = 'portal_agent_account' AND name = 'mail_template_portal_agent_invitation');
UPDATE ir_module_module SET latest_version = '19.0.1.0.0' WHERE name = 'portal_agent_account';
"""
EDITED = "UPDATE mail_template SET write_date = create_date + interval '1 day' WHERE model = 'res.users'"

INVITATIONS = """
SELECT split_part(email, '@', 1), state, attempts, accepted_date IS NOT NULL FROM sale_portal_invitation
"""
TEMPLATE = """
SELECT body_html->>'en_US', email_layout_xmlid FROM mail_template JOIN ir_model_data ON res_id = mail_template.id
 WHERE module = 'portal_agent_account' AND ir_model_data.name = 'mail_template_portal_agent_invitation'
"""


@pytest.fixture(scope="module")
def old_database(make_database, run_in_shell, cluster):
    """The name of a filled database with the old structure."""
    database = make_database()
    run_in_shell(database, test_invitation_migration.CREATE_ACCOUNTS + FILL)
    cluster.query(database, test_invitation_migration.OLD_FORM)
    cluster.query(database, OLD_FORM)
    return database


@pytest.fixture(scope="module")
def upgrade(old_database, make_database, odoo_source, cluster, dev_session):
    """A function that upgrades both addons of a copy of the old database with one command."""

    def make(name, is_template_edited=False):
        database = make_database(old_database)
        if is_template_edited:
            cluster.query(database, EDITED)
        log = dev_session.log_file(name)
        options = [f"--update={ADDONS}", "--stop-after-init", "--no-http", "--max-cron-threads=0"]
        code = server.run(odoo_source, cluster, dev_session.data_dir, [f"--database={database}", *options], log)
        text = log.read_text()
        assert code == 0, text[-2000:]
        assert " ERROR " not in text, text[-2000:]
        (warning,) = [line for line in text.splitlines() if " WARNING " in line and " was set aside" in line]
        assert "portal_agent_orders of the website" in warning
        return database

    return make


@pytest.fixture(scope="module")
def edited_shop(upgrade, cluster, make_module_shop):
    """A shop whose edited templates were upgraded, and the customers' invitations before its server started."""
    database = upgrade("agent-migration-edited", is_template_edited=True)
    invitations = cluster.query(database, INVITATIONS)
    return make_module_shop("edited", database=database), {name: values for name, *values in invitations}


def test_agents_of_the_old_version_go_on_where_they_were(upgrade, cluster, make_shop, mail_catcher):
    database = upgrade("agent-migration")
    # The database has the structure of a new one.
    assert not cluster.query(database, "SELECT 1 FROM pg_indexes WHERE indexname LIKE '%portal_agent_figures%'")
    assert cluster.query(database, "SELECT DISTINCT portal_agent_draft_quotation FROM res_company WHERE id = 1") == [
        (False,)
    ]
    assert cluster.query(
        database, "SELECT portal_agent_weekly_mail, portal_agent_weekly_mail_hour FROM res_company WHERE id = 1"
    ) == [(None, 7)]
    crons = cluster.query(
        database,
        "SELECT name FROM ir_model_data WHERE module = 'portal_agent_account' AND model = 'ir.cron' ORDER BY 1",
    )
    assert [name for (name,) in crons] == ["ir_cron_portal_agent_invitation", "ir_cron_send_weekly_mails"]
    views = cluster.query(
        database,
        "SELECT split_part(key, '.', 2), active FROM ir_ui_view WHERE website_id IS NOT NULL AND key LIKE 'portal_ag%' "
        "ORDER BY 1",
    )
    assert views == [("portal_agent_empty", True), ("portal_agent_orders_before_19_0_2", False)]
    ((body, layout),) = cluster.query(database, TEMPLATE)
    assert ("/logo.png" in body, "signup_url" in body, layout) == (True, False, None)

    # The agent who has signed in before can still sign in and work.
    shop = make_shop(mail_catcher, database=database)
    session = agent.log_in(shop.url, SIGNED_IN, "ben-has-a-password")
    for path in agent.PAGES:
        answer = session.get(shop.url + path)
        assert answer.status_code == 200
        assert "No customers yet" not in answer.text
    orders = session.get(f"{shop.url}/my/agent/orders").text
    assert "Customer 0" in orders
    assert "Customer 1" in orders
    (customer,) = shop.admin.read("res.partner", [["name", "=", "Customer 1"]], "portal_agent_ids")
    assert len(customer["portal_agent_ids"]) == 2
    for path in (f"customers/{customer['id']}", f"customers/{customer['id']}/products"):
        assert session.get(f"{shop.url}/my/agent/{path}").status_code == 200

    # One invitation with a working link replaces those that waited.
    shop.run_cron("mail.ir_cron_mail_scheduler_action")
    mail = mail_catcher.wait_for(lambda mail: WAITING in mail.recipients)
    (link,) = [link for link in mail.links if "/web/signup" in link]
    assert "token=old" not in mail.html
    # The upgrade wrote it, when the server's present URL was not known yet.
    address = urlsplit(link)._replace(scheme="", netloc="").geturl()
    form = requests.get(shop.url + address, timeout=60)
    assert form.status_code == 200
    assert 'name="confirm_password"' in form.text
    assert [mail.recipients for mail in mail_catcher.messages if "agents.example.com" in mail.recipients[0]] == [
        [WAITING]
    ]
    states = cluster.query(
        database, "SELECT u.login, email FROM portal_agent_invitation JOIN res_users u ON u.id = user_id"
    )
    assert states == [(WAITING, WAITING)]


def test_an_invitation_that_was_edited_goes_on_being_used(edited_shop, cluster):
    shop, _invitations = edited_shop
    ((body, layout),) = cluster.query(shop.database, TEMPLATE)
    assert ("Field desk" in body, layout) == (True, "mail.mail_notification_light")
    shop.run_cron("mail.ir_cron_mail_scheduler_action")
    mail = shop.mail.wait_for(lambda mail: WAITING in mail.recipients)
    assert "Field desk" in mail.text
    assert [link for link in mail.links if "/web/signup" in link]


def test_invitations_of_the_old_version_go_on_as_records(edited_shop, cluster):
    shop, found = edited_shop
    database, states = shop.database, test_invitation_migration.STATES
    assert {name: found[name][0] for name in states} == states
    assert found["to_send"][1] == 2
    assert found["logged_in"][2]
    assert not cluster.query(database, "SELECT 1 FROM mail_mail WHERE body_html LIKE '%token=old%'")
    assert not cluster.query(
        database,
        "SELECT 1 FROM information_schema.columns WHERE table_name = 'res_users' AND column_name LIKE 'portal_inv%'",
    )
    assert cluster.query(database, "SELECT DISTINCT auto_portal_user_reminder_days FROM res_company") == [(3,)]

    assert not cluster.query(database, "SELECT 1 FROM ir_model_fields WHERE name LIKE 'portal_invitation_refusals'")

    # The template that the administrator had edited is still used; the new one exists too.
    cluster.query(
        database,
        "UPDATE sale_portal_invitation SET next_attempt = now() AT TIME ZONE 'UTC' WHERE state = 'to_send'",
    )
    shop.run_cron("sale_auto_portal_user.ir_cron_send_portal_invitations")

    # Links that were mailed to a user after the first sign-in still work.
    shop.run_cron(PENDING_ACCOUNTS)
    (logged_in,) = shop.users("logged_in@example.com")
    assert cluster.query(
        database,
        "SELECT access_token IS NOT NULL FROM sale_order WHERE partner_id = %s",
        [logged_in["partner_id"][0]],
    ) == [(True,)]

    # The template of an archived company is converted too, because the company may be activated again.
    assert cluster.query(
        database,
        """
        SELECT model, body_html->>'en_US' LIKE '%object.user_id.name%'
          FROM mail_template WHERE name->>'en_US' = 'Closed'
        """,
    ) == [("sale.portal.invitation", True)]
    mail = shop.mail.wait_for(lambda mail: "queued@example.com" in mail.recipients)
    order = shop.invitation("queued@example.com")["order_id"][1]
    assert "I object. Hello queued, thanks for" in " ".join(mail.text.split())
    assert order.split()[0] in mail.text
    link, decline = [link for link in mail.links if "/my/invitation/" in link]
    assert (link.count("/"), decline.endswith("/decline")) == (6, True)
    assert shop.admin.read("mail.template", [["model", "=", "sale.portal.invitation"]], "name")
