"""An SMTP server that keeps each message it gets as a file: mailbox.py PORT FOLDER."""

import sys
import time
from pathlib import Path

from aiosmtpd.controller import Controller


class Keep:
    """Writes envelope and message, numbered in the order they came."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = f"X-Envelope-From: {envelope.mail_from}\r\n"
        head += "".join(f"X-Envelope-To: {to}\r\n" for to in envelope.rcpt_tos)
        kept = self.folder / f"{self.count:04}.part"
        kept.write_bytes(head.encode() + envelope.content)
        kept.rename(kept.with_suffix(".eml"))
        return f"250 kept as {self.count}"


port, folder = int(sys.argv[1]), Path(sys.argv[2])
controller = Controller(Keep(folder), hostname="127.0.0.1", port=port)
controller.start()
while True:
    time.sleep(3600)
