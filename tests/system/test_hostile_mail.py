"""A visitor's input at the checkout changes neither the headers nor the structure of the shop's mails."""

HOSTILE = (
    "Shop\r\nSubject: Your refund\r\nContent-Type: text/html\r\nBcc: victim@example.com\r\n\r\n<h1>Pay here</h1>",
    "Shop\nBcc: victim@example.com\n\n.\nMAIL FROM:<x@example.com>",
    "Shop\u2028Subject: Your refund\u0085X-Spam: no\x0b\x0c\x00\x1b[31m",
    '"><script>alert(1)</script> =?utf-8?q?=0D=0ABcc:_victim=40example.com?=',
    # Longer than a header line, and not ASCII: Python would omit the quotes around the name.
    "Chairs for everybody who sits all day long and likes to sit well, victim@example.com, and " + "more " * 20,
    "Schnäppchen, victim@example.com, <victim@example.com>",
    "Schnäppchen, victim@example.com;",
)
HEADERS = {
    "Content-Type",
    "MIME-Version",
    "Message-Id",
    "Subject",
    "From",
    "Reply-To",
    "To",
    "Date",
    "Return-Path",
    "Auto-Submitted",
    "X-Odoo-Message-Id",
}


def check(mail, email, senders, headers=frozenset()):
    """Check that a mail has only the usual headers and structure.

    :param Mail mail: the mail
    :param str email: its only recipient
    :param tuple senders: addresses of the template or the company; any other would be one that somebody entered
    :param set headers: headers in addition to :data:`HEADERS`, of which the mail must have each
    """
    assert mail.recipients == [email]
    assert {name.title() for name in mail.message} <= {name.title() for name in HEADERS | headers}
    for name in ("Subject", "From", "To", "Reply-To", *headers):
        values = mail.message.get_all(name) or []
        assert len(values) == 1, (name, values)
        assert all(character.isprintable() for character in str(values[0])), (name, values)
    assert str(mail.message["To"]) == email
    for name in ("From", "Reply-To"):
        (sender,) = mail.message[name].addresses
        assert sender.addr_spec in senders, (name, sender)
    assert mail.sender in senders
    assert mail.message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.message.iter_parts()] == ["text/plain", "text/html"]
    assert "<h1>Pay" not in mail.html
    assert "<script" not in mail.html


def test_no_text_of_a_customer_reaches_a_header(make_shop, mail_catcher, cluster):
    shop = make_shop(mail_catcher)
    (website, *_others) = shop.admin.read("website", [], "id", "company_id")
    (company,) = shop.admin.read("res.company", [["id", "=", website["company_id"][0]]], "email")
    # A template that uses all of the customer's input in its headers.
    everything = (
        "{{ object.partner_id.name }} {{ object.partner_id.commercial_company_name }} {{ object.order_id.name }}"
    )
    (template,) = shop.admin.read("mail.template", [["model", "=", "sale.portal.invitation"]], "id")
    shop.admin.call(
        "mail.template",
        "write",
        [template["id"]],
        {
            "subject": everything,
            "email_from": f'"{everything}" <shop@example.com>',
            "reply_to": f"{everything} <shop@example.com>",
        },
    )
    for number, text in enumerate(HOSTILE):
        email = f"hostile{number}@example.com"
        text = text.replace("\x00", "")  # PostgreSQL can't store this character
        order_id = shop.quotation(email, name=text)
        (order,) = shop.admin.read("sale.order", [["id", "=", order_id]], "partner_id")
        shop.admin.call("res.partner", "write", [order["partner_id"][0]], {"company_name": text})
        shop.admin.call("sale.order", "write", [order_id], {"name": text, "website_id": website["id"]})
        shop.admin.call("sale.order", "action_confirm", [order_id])
        shop.run_cron("sale_auto_portal_user.ir_cron_send_portal_invitations")
        mail = mail_catcher.wait_for(lambda mail, email=email: email in mail.recipients)
        check(mail, email, ("shop@example.com", company["email"]))
        assert shop.invitation(email)["state"] == "sent"
    assert not mail_catcher.to("victim@example.com")
