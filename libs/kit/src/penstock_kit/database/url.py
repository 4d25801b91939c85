"""Which store a DATABASE_URL means, and the driver's form of it."""

from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from penstock_kit.errors import InvalidArgument
from penstock_kit.redaction import mask_urls

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def sqlite_url(path: Path) -> str:
    """Return the URL of the SQLite file at `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def driver_url(url: str) -> URL:
    """Return `url` with the asynchronous driver of its store.

    Raises InvalidArgument (DATABASE_URL_INVALID) for any other store and for SQLite without a file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _invalid(url) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None or (driver.startswith("sqlite") and parsed.database in {None, "", ":memory:"}):
        raise _invalid(url)
    return parsed.set(drivername=driver)


def _invalid(url: str) -> InvalidArgument:
    wanted = "sqlite:///path/to/file.db or postgresql://user:password@host:5432/name"
    return InvalidArgument(f"DATABASE_URL {mask_urls(url)!r} is not {wanted}", reason="DATABASE_URL_INVALID")
