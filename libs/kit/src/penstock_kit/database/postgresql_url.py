"""What a URL of PostgreSQL may say: address, login, name, and how the connection is encrypted."""

from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from sqlalchemy.engine import URL

from penstock_kit.errors import InvalidArgument
from penstock_kit.redaction import mask_urls

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
# What libpq understands and the driver does too; `host` is for sockets and for several hosts.
_OPTIONS: Final = ("sslmode", *_FILES, "target_session_attrs", "host", "port")
_OWN_AUTHORITIES: Final = Path("~/.postgresql/root.crt")


def checked(parsed: URL, setting: str, reason: str) -> URL:
    """Return the URL with `ssl` called `sslmode`. Raises InvalidArgument naming what PostgreSQL does not take."""
    if "ssl" in parsed.query and "sslmode" not in parsed.query:
        parsed = parsed.difference_update_query(["ssl"]).update_query_dict({"sslmode": parsed.query["ssl"]})
    wrong = _wrong(parsed)
    if wrong:
        shown = mask_urls(parsed.set(query={}).render_as_string(hide_password=True))
        raise InvalidArgument(f"{setting} {shown!r}: {wrong}", reason=reason)
    return parsed


def _wrong(parsed: URL) -> str:
    """Return what is wrong with the URL and what would be right, empty when nothing is."""
    if parsed.port is not None and not 0 < parsed.port < 65536:
        return f"the port {parsed.port} is not between 1 and 65535"
    for name, value in parsed.query.items():
        if name not in _OPTIONS:
            return f"the option {name!r} is not understood; delete it ({', '.join(_OPTIONS)} are)"
        if not isinstance(value, str):
            if name != "host":
                return f"the option {name!r} is given twice"
        elif name in _FILES and not Path(value).is_file():
            return f"{name} names {value!r}, which is no file"
    return _wrong_mode(parsed)


def _wrong_mode(parsed: URL) -> str:
    mode = parsed.query.get("sslmode", "prefer")
    if mode not in _MODES:
        return f"sslmode {mode!r} is none of {', '.join(_MODES)}"
    verifies = mode in {"verify-ca", "verify-full"} and "sslrootcert" not in parsed.query
    if verifies and not _OWN_AUTHORITIES.expanduser().is_file():
        return f"sslmode={mode} needs the authority's certificate: add sslrootcert=/path/to/root.crt"
    return ""


def driver_options(url: URL) -> tuple[URL, dict[str, str]]:
    """Return the URL as SQLAlchemy passes it on, and its options as the driver reads them."""
    apart = {name: value for name, value in url.query.items() if name not in {"host", "port"}}
    if not apart:
        return url, {}
    return url.difference_update_query(list(apart)), {"dsn": f"postgresql://?{urlencode(apart)}"}
