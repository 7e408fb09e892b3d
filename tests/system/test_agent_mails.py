"""Mails to agents as a mail server receives them: user input changes neither their headers nor their structure."""

import re

import pytest
import requests

from devtools.logcheck import Expected
from devtools.mail import MailCatcher
from tests.system.conftest import wait_until
from tests.system.test_hostile_mail import HOSTILE, check

QUEUE = "mail.ir_cron_mail_scheduler_action"
RETRY = "portal_agent_account.ir_cron_portal_agent_invitation"
WEEKLY = "portal_agent_account.ir_cron_send_weekly_mails"
REFUSED = Expected(r"odoo\.addons\.mail\.models\.mail_mail", "failed sending mail", "this mail server refuses")

TEXTS = [text.replace("\x00", "") for text in HOSTILE]  # PostgreSQL can't store this character
SENDERS = ("shop@example.com", "info@yourcompany.com")
UNSUBSCRIBE_HEADERS = {"List-Unsubscribe", "List-Unsubscribe-Post", "X-Auto-Response-Suppress"}

DUE_NOW = """
UPDATE res_company
   SET portal_agent_weekly_mail = true,
       portal_agent_weekly_mail_weekday = (extract(isodow FROM now() AT TIME ZONE 'UTC') - 1)::int::text,
       portal_agent_weekly_mail_hour = extract(hour FROM now() AT TIME ZONE 'UTC')
"""
# An order of the second in which the mail is made is in the next mail.
EARLIER = "UPDATE sale_order SET date_order = date_order - interval '1 minute' WHERE id = %s"


@pytest.fixture(scope="module")
def shop(make_module_shop):
    """A running shop with a mail server; all users are in UTC."""
    shop = make_module_shop("agent-mails", check_log=[REFUSED])
    shop.cluster.query(shop.database, "UPDATE res_partner SET tz = 'UTC'")
    return shop


def make_agent(shop, email, name="Ada"):
    """Create an agent as the administrator does.

    :return: the id of the agent's user
    :rtype: int
    """
    contact = shop.admin.create("res.partner", name=name, email=email)
    shop.admin.call("res.partner", "action_make_portal_agent", [contact])
    return shop.admin.read("res.users", [["partner_id", "=", contact]], "id")[0]["id"]


def read_state(shop, user_id):
    """:return: the state of the invitation on the agent's form"""
    return shop.admin.read("res.users", [["id", "=", user_id]], "portal_agent_invitation_state")[0][
        "portal_agent_invitation_state"
    ]


def be_called(shop, text):
    """Give the company a hostile name and address, and use them in the headers of the templates."""
    (company,) = shop.admin.read("res.company", [["id", "=", 1]], "id")
    shop.admin.call("res.company", "write", [company["id"]], {"name": text, "street": text, "phone": text})
    templates = shop.admin.read("mail.template", [["name", "=like", "Portal Agent:%"]], "id")
    assert len(templates) == 2
    shop.admin.call(
        "mail.template",
        "write",
        [row["id"] for row in templates],
        {
            "subject": "{{ object.company_id.name }} {{ object.name }}",
            "email_from": "{{ object.company_id.name }} {{ object.name }} <shop@example.com>",
            "reply_to": "{{ object.company_id.name }} {{ object.name }} <shop@example.com>",
        },
    )


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_no_name_becomes_a_header_or_markup_of_the_invitation(shop, number):
    email = f"invited{number}@example.com"
    be_called(shop, TEXTS[number])
    user_id = make_agent(shop, email, name=TEXTS[number])
    mail = shop.mail.wait_for(lambda found: email in found.recipients)
    check(mail, email, SENDERS)
    assert [link for link in mail.links if "/web/signup" in link]
    wait_until(lambda: read_state(shop, user_id) == "sent")


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_no_name_becomes_a_header_or_markup_of_the_weekly_mail(shop, number):
    email, text = f"weekly{number}@example.com", TEXTS[number]
    be_called(shop, text)
    user_id = make_agent(shop, email, name=text)
    order_id = shop.quotation(f"customer{number}@example.com", name=text)
    (order,) = shop.admin.read("sale.order", [["id", "=", order_id]], "partner_id")
    shop.admin.call("res.partner", "write", [order["partner_id"][0]], {"portal_agent_ids": [[4, user_id]]})
    shop.admin.call("sale.order", "write", [order_id], {"name": text})
    shop.admin.call("sale.order", "action_confirm", [order_id])
    shop.cluster.query(shop.database, EARLIER, [order_id])
    shop.cluster.query(shop.database, DUE_NOW)
    shop.run_cron(WEEKLY)
    mail = shop.mail.wait_for(lambda found: email in found.recipients and "List-Unsubscribe" in found.message)
    check(mail, email, SENDERS, UNSUBSCRIBE_HEADERS)
    assert f"/my/agent/orders/{order_id}" in mail.html
    assert not [link for link in mail.links if not link.startswith(shop.url)]
    assert not [link for link in mail.links if "token" in link and "unsubscribe" not in link]


def test_a_mail_program_finds_the_plain_link_to_unsubscribe(shop):
    """Read the header as sent: a longer link would be split into encoded words, which mail programs don't decode."""
    mail = next(found for found in shop.mail.messages if "List-Unsubscribe" in found.message)
    raw = mail.path.read_bytes().decode("ascii", "replace")
    [link] = re.findall(r"^List-Unsubscribe: (?:\r?\n )?<(\S+)>\r?$", raw, re.MULTILINE)
    assert link.startswith(f"{shop.url}/my/agent/weekly-mail/unsubscribe?user=")
    assert re.search(r"^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r?$", raw, re.MULTILINE)
    user_id = int(re.search(r"user=(\d+)", link)[1])
    # RFC 8058: the request has no cookies, and the answer no redirect.
    answer = requests.post(link, data={"List-Unsubscribe": "One-Click"}, allow_redirects=False, timeout=60)
    assert answer.status_code == 200
    (user,) = shop.admin.read("res.users", [["id", "=", user_id]], "portal_agent_weekly_mail")
    assert user["portal_agent_weekly_mail"] is False


def test_an_invitation_that_the_mail_server_refuses_for_a_while_arrives_once(shop, tmp_path):
    with MailCatcher(tmp_path / "refusing", refuse="451 4.3.0 try later") as refusing:
        server = shop.admin.create("ir.mail_server", name="Refusing", smtp_host="127.0.0.1", smtp_port=refusing.port)
        user_id = make_agent(shop, "patient@example.com")
        wait_until(lambda: read_state(shop, user_id) == "failed")
        refusing.refuse = None
        shop.cluster.query(
            shop.database,
            "UPDATE portal_agent_invitation SET next_attempt_date = now() AT TIME ZONE 'UTC' - interval '1 second'",
        )
        shop.run_cron(RETRY)
        refusing.wait_for(lambda found: "patient@example.com" in found.recipients)
        wait_until(lambda: read_state(shop, user_id) == "sent")
        shop.run_cron(RETRY)
        shop.run_cron(QUEUE)
        assert len(refusing.to("patient@example.com")) == 1
        shop.admin.call("ir.mail_server", "unlink", [server])
