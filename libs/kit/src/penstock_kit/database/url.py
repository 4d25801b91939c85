"""Which store a DATABASE_URL means, and the driver's form of it."""

from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from penstock_kit.database.postgresql_url import checked
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

    Raises InvalidArgument (DATABASE_URL_INVALID) for any other store, for SQLite without a file, and for what
    PostgreSQL does not take.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _invalid(url) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None or (driver.startswith("sqlite") and parsed.database in {None, "", ":memory:"}):
        raise _invalid(url)
    parsed = parsed.set(drivername=driver)
    return parsed if driver.startswith("sqlite") else checked(parsed, "DATABASE_URL", "DATABASE_URL_INVALID")


def postgresql_url(url: str, *, setting: str = "DATABASE_URL", reason: str = "DATABASE_URL_INVALID") -> str:
    """Return the URL of a PostgreSQL as its driver takes it by itself.

    Raises InvalidArgument with `reason`, naming `setting`, for what PostgreSQL does not take.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise _invalid(url, setting, reason, "postgresql://user:password@host:5432/name") from None
    return checked(parsed.set(drivername="postgresql"), setting, reason).render_as_string(hide_password=False)


def _invalid(
    url: str,
    setting: str = "DATABASE_URL",
    reason: str = "DATABASE_URL_INVALID",
    wanted: str = "sqlite:///path/to/file.db or postgresql://user:password@host:5432/name",
) -> InvalidArgument:
    return InvalidArgument(f"{setting} {mask_urls(url)!r} is not {wanted}", reason=reason)
