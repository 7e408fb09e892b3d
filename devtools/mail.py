"""A real SMTP server that catches Odoo's mail: aiosmtpd's server, with a handler that stores, delays or refuses mails.

`smtpdfix` is not used: it can't delay its answers, and can't wait for a mail.
"""

import asyncio
import email
import email.policy
import html
import re
import threading
import time

from aiosmtpd.controller import Controller

from .server import find_free_port

TEXT_LINK = re.compile(r"""https?://[^\s"'<>)\]]+""")
HTML_LINK = re.compile(r"""(?:href|src)\s*=\s*["'](https?://[^"']+)""", re.I)
# Odoo's cron thread sometimes misses a notification and then sleeps for a minute.
PATIENCE = 180
LONGEST_START = 60


class Mail:
    """A mail that the server received.

    :param aiosmtpd.smtp.Envelope envelope: content, sender and recipients of the mail
    :param Path path: the .eml file of the mail, or None
    """

    def __init__(self, envelope, path):
        self.sender = envelope.mail_from
        self.recipients = list(envelope.rcpt_tos)
        self.path = path
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.subject = str(self.message["Subject"] or "")
        bodies = [self.message.get_body([kind]) for kind in ("plain", "html")]
        self.text, self.html = (body.get_content() if body else "" for body in bodies)
        links = list(map(html.unescape, HTML_LINK.findall(self.html))) or TEXT_LINK.findall(self.text)
        self.links = list(dict.fromkeys(links))


class MailCatcher:
    """An SMTP server in this process, for this machine only. Use it as a context manager.

    :param Path folder: folder for an .eml file of each mail; None to write no files
    :param float delay: seconds to wait before each answer; can be changed at any time
    :param str refuse: answer to every sender, e.g. `451 try later`; None to accept all mails
    :param on_mail: function to call with each :class:`Mail`
    """

    def __init__(self, folder=None, delay=0, refuse=None, on_mail=None):
        self.folder = folder
        self.delay = delay
        self.refuse = refuse
        self.on_mail = on_mail
        self.messages = []
        self.port = find_free_port()
        self._arrival = threading.Condition()
        # Odoo's tokens make long lines in the text; RFC 5321 limits a line to 1,000 characters.
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True, ready_timeout=LONGEST_START
        )

    def wait_for(self, predicate=lambda mail: True, timeout=PATIENCE):
        """Wait for a mail, unless it has arrived before.

        :param predicate: function of a :class:`Mail` that is true for the wanted mail
        :param float timeout: seconds to wait
        :return: the first matching mail
        :rtype: Mail
        :raise TimeoutError: if no such mail arrives
        """
        with self._arrival:
            if not self._arrival.wait_for(lambda: any(map(predicate, self.messages)), timeout):
                subjects = [f"{', '.join(mail.recipients)}: {mail.subject}" for mail in self.messages]
                raise TimeoutError(f"No such mail within {timeout} s; these arrived: {subjects}")
            return next(filter(predicate, self.messages))

    def to(self, address):
        """List the mails to an address.

        :param str address: the recipient
        :rtype: list[Mail]
        """
        return [mail for mail in self.messages if address in mail.recipients]

    def __enter__(self):
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(self, *error):
        self._controller.stop()

    # Hooks of aiosmtpd

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        await self._hesitate()
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        await self._hesitate()
        if self.refuse:
            return self.refuse
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        await self._hesitate()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await self._hesitate()
        path = self.folder and self.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{len(self.messages) + 1:04}.eml"
        if path:
            path.write_bytes(envelope.content)
        mail = Mail(envelope, path)
        with self._arrival:
            self.messages.append(mail)
            self._arrival.notify_all()
        if self.on_mail:
            self.on_mail(mail)
        return "250 Caught"

    async def _hesitate(self):
        """Wait before an answer; if the delay is reduced meanwhile, apply the new value at once."""
        began = time.monotonic()
        while (left := began + self.delay - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.1))
