"""The URL of a TDengine: where its REST API is, who asks, and in which database."""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from penstock_kit.address import host_and_port
from penstock_kit.errors import InvalidArgument
from penstock_kit.redaction import mask_urls

FORM: Final = "taosrest://user:password@host:6041/name"
_SCHEMES: Final = {"taosrest": "http", "taosrest+https": "https"}
_PORT: Final = 6041
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
"""Database names that need no quoting, in any case: TDengine's are at most 64 bytes long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TDengineAddress:
    """A TDengine: `base` is the URL of its REST API, without a path; `authorization` the header of each request."""

    base: str
    authorization: str
    database: str

    @property
    def sql_url(self) -> str:
        """Where statements about the database are sent."""
        return f"{self.base}/rest/sql/{self.database}"

    @property
    def server_url(self) -> str:
        """Where statements are sent that need no database to be there."""
        return f"{self.base}/rest/sql"


def parse_address(url: str) -> TDengineAddress:
    """Return what `url` means. Raises InvalidArgument TELEMETRY_URL_INVALID, which says what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError:
        raise _invalid(url, "its port is no number from 1 to 65535") from None
    database = parts.path.removeprefix("/")
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise _invalid(url, "it names no host")
    if not _NAME.fullmatch(database):
        raise _invalid(url, "the database is named by small letters, digits and _, at most 63, no digit first")
    if parts.query or parts.fragment:
        raise _invalid(url, "nothing follows the database: there are no options")
    if not parts.username:
        raise _invalid(url, "it names no user")
    given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return TDengineAddress(
        base=f"{_SCHEMES[parts.scheme]}://{host_and_port(parts.hostname, port)}",
        authorization=f"Basic {b64encode(given.encode()).decode()}",
        database=database,
    )


def _invalid(url: str, why: str) -> InvalidArgument:
    return InvalidArgument(
        f"TELEMETRY_URL {mask_urls(url)!r} is not the URL of a TDengine: {why}; write {FORM}",
        reason="TELEMETRY_URL_INVALID",
    )
