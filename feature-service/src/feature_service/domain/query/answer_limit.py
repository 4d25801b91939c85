"""How large an answer may be: what does not fit into a message is refused before it is made, with what to do."""

from typing import Final

from penstock_kit.errors import Unprocessable

MAX_BYTES: Final = 30 * 1024 * 1024
"""What an answer may have; a message over 32 MiB is refused by the receiver."""


def require_sendable(size: int, advice: str) -> None:
    """Raise Unprocessable ANSWER_LIMIT_EXCEEDED, with the advice, for an answer of more than MAX_BYTES."""
    if size > MAX_BYTES:
        raise Unprocessable(
            f"the answer would have {size / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} MB are sent; {advice}",
            reason="ANSWER_LIMIT_EXCEEDED",
        )
