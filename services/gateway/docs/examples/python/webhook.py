"""Verifies a webhook: Standard Webhooks, HMAC-SHA256 over id, time and body. Try it: `python3 webhook.py`."""

import base64
import hashlib
import hmac
import time

TOLERANCE = 5 * 60  # seconds; older deliveries may be replays


def verify(secret, headers, body, now=None):
    """Raises ValueError unless the body came from Aftercare, just now. `secret` is `whsec_…`."""
    identity, at, signatures = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    if abs((now or time.time()) - int(at)) > TOLERANCE:
        raise ValueError("too old, or from the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, f"{identity}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    # Two live secrets during a rotation: any signature may fit. Compared in constant time.
    if not any(hmac.compare_digest(wanted, one.removeprefix("v1,")) for one in signatures.split()):
        raise ValueError("not signed by us")


if __name__ == "__main__":
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
    body, at = b'{"type":"work_order.completed"}', str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    good = "v1," + base64.b64encode(hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": f"v1,old {good}"}
    verify(secret, headers, body)
    for change in ({"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}, {"webhook-signature": "v1,forged"}):
        try:
            verify(secret, headers | change, body)
        except ValueError:
            continue
        raise SystemExit(f"taken: {change}")
    print("verified, and three forgeries refused")
