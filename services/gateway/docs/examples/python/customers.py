"""Pages, repeats and refusals, with nothing but the standard library."""

import json
import os
import urllib.error
import urllib.request
import uuid

API = os.environ.get("API", "http://127.0.0.1:8080")
TOKEN = os.environ.get("TOKEN", "")  # an access token; see "Signing in"


class Refused(Exception):
    """A refusal: a stable reason for programs, a text for people."""

    def __init__(self, status, body):
        super().__init__(body.get("message", ""))
        info = next((d for d in body.get("details", []) if d["@type"].endswith("ErrorInfo")), {})
        self.status, self.reason = status, info.get("reason", "")


def call(method, path, body=None, **headers):
    """Calls the API. A deadline goes along, so that nobody works for a caller who has gone."""
    request = urllib.request.Request(API + path, method=method)
    request.add_header("accept-language", "en")
    request.add_header("x-request-timeout", "5s")
    if TOKEN:
        request.add_header("authorization", f"Bearer {TOKEN}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    data = None
    if body is not None:
        request.add_header("content-type", "application/json")
        data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, data, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, json.load(error)) from None


def pages(path, items):
    """All items of a list, page by page."""
    token = ""
    while True:
        joint = "&" if "?" in path else "?"
        page = call("GET", f"{path}{joint}page_size=100&page_token={token}")
        yield from page[items]
        token = page["nextPageToken"]
        if not token:
            return


# Sent twice on purpose: the same key and body make one customer.
key = str(uuid.uuid4())
new = {"name": "Li Xiaoming", "phones": [{"number": "+8613800138000"}]}
first = call("POST", "/v1/customers", new, idempotency_key=key)
again = call("POST", "/v1/customers", new, idempotency_key=key)
assert first["customerId"] == again["customerId"]

# Another body under the same key is refused, and says so.
try:
    call("POST", "/v1/customers", {"name": "Somebody else"}, idempotency_key=key)
    raise SystemExit("it was not refused")
except Refused as refusal:
    assert refusal.reason == "REQUEST_ID_REUSED", refusal.reason
    print(refusal.status, refusal.reason, refusal)

found = [customer["customerId"] for customer in pages("/v1/customers?phone=13800138000", "customers")]
assert first["customerId"] in found
print(len(found), "customers with this phone")
