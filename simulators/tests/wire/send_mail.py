"""Sends the same mail in the clear and under TLS: python send_mail.py PORT CERTIFICATE."""

import smtplib
import ssl
import sys

PORT, CERTIFICATE = int(sys.argv[1]), sys.argv[2]
MAIL = "Subject: test\r\n\r\n.dot at the beginning\r\n..two\r\nend\r\n"
TO = ["b@example.com", "c@example.com"]

for tls in (False, True):
    with smtplib.SMTP("127.0.0.1", PORT, timeout=10) as server:
        if tls:
            server.starttls(context=ssl.create_default_context(cafile=CERTIFICATE))
        assert server.sendmail("a@example.com", TO, MAIL) == {}
        code, _ = server.docmd("DATA")
        assert code == 503, code
        code, _ = server.docmd("NONSENSE")
        assert code == 502, code
