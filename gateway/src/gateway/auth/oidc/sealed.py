"""What a browser keeps for us between two steps of a sign-in: sealed, short-lived, and each of one kind."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

from penstock_kit.clock import Clock
from penstock_kit.errors import FailedPrecondition

_LONGEST: Final = 4096
_TO_COOKIE: Final = str.maketrans("+/", "-_")
_FROM_COOKIE: Final = str.maketrans("-_", "+/")


class SealedCookies:
    """Seals values with `close` and opens them with `open`, which raises FailedPrecondition for what it did not close.

    Whoever holds a cookie can neither read nor change it, and what was sealed as one kind is none of another.
    """

    def __init__(self, *, close: Callable[[str], str], open: Callable[[str], str], clock: Clock) -> None:
        self._close = close
        self._open = open
        self._clock = clock

    def seal(self, kind: str, values: Mapping[str, Any], *, seconds: float) -> str:
        """Return a cookie's value that holds `values` for `seconds`."""
        end = self._clock.now().timestamp() + seconds
        text = orjson.dumps({"kind": kind, "end": end, "values": dict(values)}).decode()
        return self._close(text).rstrip("=").translate(_TO_COOKIE)

    def unseal(self, kind: str, text: str) -> Mapping[str, Any] | None:
        """Return what was sealed as `kind`; None for what was not, or too long ago."""
        if not text or len(text) > _LONGEST:
            return None
        try:
            closed = text.translate(_FROM_COOKIE)
            found: Any = orjson.loads(self._open(closed + "=" * (-len(closed) % 4)))
        except (FailedPrecondition, ValueError):
            return None
        whole = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if not hmac.compare_digest(str(whole.get("kind")), kind) or whole["end"] <= self._clock.now().timestamp():
            return None
        return cast("dict[str, Any]", whole["values"])
