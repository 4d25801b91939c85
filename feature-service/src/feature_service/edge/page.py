"""Pages of lists: how large, and where the next one starts."""

import base64
from typing import Final

from penstock_kit.errors import InvalidArgument

DEFAULT_SIZE: Final = 100
MAX_SIZE: Final = 1_000


def page_size(asked: int) -> int:
    """Return the rows of a page; zero means DEFAULT_SIZE. Raises InvalidArgument PAGE_SIZE_INVALID."""
    if not 0 <= asked <= MAX_SIZE:
        raise InvalidArgument(
            f"page_size is {asked}; it must be from 1 to {MAX_SIZE}, or 0 for {DEFAULT_SIZE}",
            reason="PAGE_SIZE_INVALID",
        )
    return asked or DEFAULT_SIZE


def page_number(asked: int) -> int:
    """Return the page, from 1; zero means the first. Raises InvalidArgument PAGE_INVALID."""
    if asked < 0:
        raise InvalidArgument(f"page is {asked}; the first page is 1", reason="PAGE_INVALID")
    return asked or 1


def token_after(code: str) -> str:
    """Return the token of the page that follows `code`."""
    return base64.urlsafe_b64encode(code.encode()).decode()


def after_token(token: str) -> str:
    """Return the code a page follows, empty for the first page. Raises InvalidArgument PAGE_TOKEN_INVALID."""
    try:
        code = base64.b64decode(token, altchars=b"-_", validate=True).decode()
        if "\x00" in code:  # no code has one, and PostgreSQL takes none
            raise ValueError(code)
        return code
    except ValueError:
        raise InvalidArgument(
            f"page_token {token!r} is none of ours; pass next_page_token as it was given", reason="PAGE_TOKEN_INVALID"
        ) from None
