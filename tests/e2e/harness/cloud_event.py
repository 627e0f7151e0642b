"""Reads an event by the CloudEvents library: cloud_event.py HEADERS, a JSON object, the body on standard input. Prints its attributes
and its data as one JSON object."""

import json
import sys

from cloudevents.http import from_http

event = from_http(json.loads(sys.argv[1]), sys.stdin.buffer.read())
print(json.dumps({**event.get_attributes(), "data": event.data}))
