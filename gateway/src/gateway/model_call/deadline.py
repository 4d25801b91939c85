"""How long the caller is willing to wait, as OpenAI's and Anthropic's SDKs say it."""

import math
from collections.abc import Iterable

_NAMES = (b"x-stainless-read-timeout", b"x-stainless-timeout")


def caller_timeout(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Return the caller's own timeout in seconds, None when none is said or it makes no sense."""
    given = {name: value for name, value in headers if name in _NAMES}
    for name in _NAMES:
        try:
            seconds = float(given[name])
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds) and seconds > 0:
            return seconds
    return None
