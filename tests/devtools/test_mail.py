"""The mail catcher is a real SMTP server."""

import smtplib
import threading
import time
from email.message import EmailMessage

import pytest

from devtools.mail import MailCatcher

LINK = "http://localhost:8069/web/signup?token=a&b=c"


def send(catcher):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shop@example.com", "shopper@example.com", "Välkommen"
    message.set_content("Hello")
    message.add_alternative(f'<a href="{LINK.replace("&", "&amp;")}">Go</a>', subtype="html")
    with smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.send_message(message)


def test_a_mail_is_caught_with_its_links_and_kept_as_a_file(tmp_path):
    seen = []
    with MailCatcher(tmp_path, on_mail=seen.append) as catcher:
        send(catcher)
        mail = catcher.wait_for(lambda mail: mail.subject == "Välkommen")
        with pytest.raises(TimeoutError, match="shopper@example.com: Välkommen"):
            catcher.wait_for(lambda mail: "other@example.com" in mail.recipients, timeout=0.1)
    assert mail.recipients == ["shopper@example.com"]
    assert mail.links == [LINK]
    assert mail.text.strip() == "Hello"
    assert b"shop@example.com" in mail.path.read_bytes()
    assert seen == [mail]


def test_it_can_refuse():
    with MailCatcher(refuse="451 try later") as catcher:
        with pytest.raises(smtplib.SMTPSenderRefused, match="try later"):
            send(catcher)
        assert not catcher.messages


def test_it_can_be_slow_until_it_is_told_to_be_fast():
    with MailCatcher(delay=0.2) as catcher:
        started = time.monotonic()
        send(catcher)
        assert time.monotonic() - started >= 0.8, "EHLO, MAIL, RCPT and DATA"
        catcher.delay = 3600
        sending = threading.Thread(target=send, args=[catcher])
        sending.start()
        catcher.delay = 0
        sending.join()
        assert len(catcher.messages) == 2
