"""The mail catcher is a real SMTP server."""

import smtplib
import threading
import time
from email.message import EmailMessage

import pytest

from devtools.mail import MailCatcher

LINK = "http://localhost:8069/web/signup?token=a&b=c"


def send(catcher, recipient="shopper@example.com"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", recipient, "Välkommen"
    message.set_content("Hello")
    message.add_alternative(f'<a href="{LINK.replace("&", "&amp;")}">Go</a>', subtype="html")
    with smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.send_message(message)


def test_a_mail_is_caught_with_its_links_and_kept_as_a_file(tmp_path):
    seen = []
    with MailCatcher(tmp_path, on_mail=seen.append) as catcher:
        send(catcher)
        mail = catcher.wait_for(lambda mail: mail.subject == "Välkommen")
    assert mail.recipients == ["shopper@example.com"]
    assert mail.links == [LINK]
    assert mail.text.strip() == "Hello"
    assert mail.path.suffix == ".eml"
    assert b"shop@example.com" in mail.path.read_bytes()
    assert seen == [mail]


def test_waiting_for_a_mail_that_does_not_come_names_those_that_did():
    with MailCatcher() as catcher:
        send(catcher)
        with pytest.raises(TimeoutError, match="shopper@example.com: Välkommen"):
            catcher.wait_for(lambda mail: "other@example.com" in mail.recipients, timeout=0.1)
        assert not catcher.to("other@example.com")


def test_it_can_refuse():
    with MailCatcher(refuse="451 try later") as catcher:
        with pytest.raises(smtplib.SMTPSenderRefused, match="try later"):
            send(catcher)
        assert not catcher.messages


def test_it_can_be_slow():
    with MailCatcher(delay=0.2) as catcher:
        started = time.monotonic()
        send(catcher)
        # EHLO, MAIL, RCPT and DATA
        assert time.monotonic() - started >= 0.8


def test_a_delay_can_be_cut_short():
    with MailCatcher(delay=3600) as catcher:
        sending = threading.Thread(target=send, args=[catcher])
        sending.start()
        catcher.delay = 0
        catcher.wait_for()
        sending.join()
