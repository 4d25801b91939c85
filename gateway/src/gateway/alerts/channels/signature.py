"""What proves to a receiver that a message is ours."""

import base64
import hashlib
import hmac
from urllib.parse import quote


def dingtalk_query(secret: str, milliseconds: int) -> str:
    """Return ``&timestamp=…&sign=…`` for a DingTalk robot: HMAC-SHA256 over time and secret, encoded once."""
    text = f"{milliseconds}\n{secret}".encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return f"&timestamp={milliseconds}&sign={quote(base64.b64encode(digest), safe='')}"


def webhook_signature(secret: str, seconds: int, body: bytes) -> str:
    """Return ``v1=…``: HMAC-SHA256 over ``<seconds>.<the exact bytes sent>``."""
    return "v1=" + hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
