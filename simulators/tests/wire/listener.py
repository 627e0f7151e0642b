"""An endpoint for SNS: prints its address, confirms, and prints what alarms say once the signature is verified."""

import base64
import json
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

SIGNED = {
    "Notification": ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
    "SubscriptionConfirmation": [
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ],
}
FAILED_ONCE = set()


def say(text):
    print(text, flush=True)


def verify(body):
    pem = urllib.request.urlopen(body["SigningCertURL"]).read()
    certificate = x509.load_pem_x509_certificate(pem)
    text = "".join(f"{name}\n{body[name]}\n" for name in SIGNED[body["Type"]] if name in body)
    assert body["SignatureVersion"] == "2"
    signature = base64.b64decode(body["Signature"])
    certificate.public_key().verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind, message_id = self.headers["x-amz-sns-message-type"], self.headers["x-amz-sns-message-id"]
        assert self.headers["Content-Type"] == "text/plain; charset=UTF-8"
        assert (kind, message_id) == (body["Type"], body["MessageId"])
        assert self.headers["x-amz-sns-topic-arn"] == body["TopicArn"]
        verify(body)
        # Every message is refused the first time: the same one must come again.
        if message_id not in FAILED_ONCE:
            FAILED_ONCE.add(message_id)
            self.send_response(503)
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        if kind == "SubscriptionConfirmation":
            answer = urllib.request.urlopen(body["SubscribeURL"]).read().decode()
            assert "<ConfirmSubscriptionResult><SubscriptionArn>arn:aws:sns:" in answer, answer
            say("confirmed " + body["TopicArn"])
        else:
            assert self.headers["x-amz-sns-subscription-arn"].startswith(body["TopicArn"])
            say(json.dumps({"id": message_id, "subject": body["Subject"], **json.loads(body["Message"])}))

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Endpoint)
say(f"http://127.0.0.1:{server.server_port}/hook")
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
