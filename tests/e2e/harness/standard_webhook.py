"""Verifies a request by the Standard Webhooks library: standard_webhook.py SECRET ID TIMESTAMP SIGNATURE, the body on standard input."""

import sys

from standardwebhooks import Webhook

secret, webhook_id, timestamp, signature = sys.argv[1:]
headers = {"webhook-id": webhook_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
Webhook(secret).verify(sys.stdin.buffer.read().decode(), headers)
