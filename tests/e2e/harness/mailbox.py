"""An SMTP server that keeps each message it gets as a file: mailbox.py PORT FOLDER [CERTIFICATE KEY].

With a certificate it takes mail after STARTTLS only.
"""

import ssl
import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller


class Keep:
    """Writes envelope, TLS version and message, numbered in the order they came."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = f"X-Envelope-From: {envelope.mail_from}\r\n"
        head += "".join(f"X-Envelope-To: {to}\r\n" for to in envelope.rcpt_tos)
        if session.ssl:
            head += f"X-Tls: {server.transport.get_extra_info('ssl_object').version()}\r\n"
        kept = self.folder / f"{self.count:04}.part"
        kept.write_bytes(head.encode() + envelope.content)
        kept.rename(kept.with_suffix(".eml"))
        return f"250 kept as {self.count}"


port, folder, certificate = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
options = {}
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    options = {"tls_context": context, "require_starttls": True}
controller = Controller(Keep(folder), hostname="127.0.0.1", port=port, **options)
controller.start()
while True:
    time.sleep(3600)
