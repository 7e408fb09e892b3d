#!/usr/bin/env python3
"""Substitute for Mailpit if its image can't be pulled.

It has Mailpit's ports and the part of its API that `./dev docker` uses. It runs in a container and needs only aiosmtpd.
"""

import email
import email.policy
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SMTP_PORT, HTTP_PORT = 1025, 8025
MAILS = []


class Catcher:
    """Stores every mail."""

    async def handle_DATA(self, server, session, envelope):
        MAILS.append((list(envelope.rcpt_tos), envelope.content))
        return "250 OK"


class Api(BaseHTTPRequestHandler):
    """Lists the mails and returns the source of one."""

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[-1] == "raw":
            self._answer(MAILS[int(parts[-2])][1], "text/plain")
            return
        messages = [
            {
                "ID": str(number),
                "To": [{"Address": address} for address in recipients],
                "Subject": str(email.message_from_bytes(content, policy=email.policy.default)["Subject"]),
            }
            for number, (recipients, content) in enumerate(MAILS)
        ]
        self._answer(json.dumps({"messages": messages[::-1]}).encode(), "application/json")

    def _answer(self, content, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        """Log nothing."""


def main():
    """Serve; with the argument `readyz`, check whether the server answers."""
    if sys.argv[1:] == ["readyz"]:
        urllib.request.urlopen(f"http://localhost:{HTTP_PORT}/readyz", timeout=3).close()
        return
    from aiosmtpd.controller import Controller

    Controller(Catcher(), hostname="0.0.0.0", port=SMTP_PORT).start()
    server = ThreadingHTTPServer(("0.0.0.0", HTTP_PORT), Api)
    threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
