"""How far back a database keeps rows: what is older is refused by TDengine, the whole statement with it."""

# ruff: noqa: S608 - only names made in this package are written into statements, and texts as literals

import re
from datetime import timedelta
from typing import Final

from feature_service.adapters.tdengine.address import TDengineAddress
from feature_service.adapters.tdengine.client import TDengineClient
from feature_service.adapters.tdengine.literal import text_literal
from feature_service.domain.model.span import iso_time
from penstock_kit.errors import FailedPrecondition, Unprocessable

KEEP_DAYS: Final = 36_500
_PART: Final = re.compile(r"(\d+)([mhd]?)")
_MINUTES: Final = {"m": 1, "h": 60, "d": 1_440, "": 1}
_OLDEST_VERSION: Final = 3
_MARGIN: Final = timedelta(hours=1)
"""So much younger than the oldest time that is kept a row must be: it is on its way for a while."""


async def open_database(client: TDengineClient, address: TDengineAddress) -> timedelta:
    """Make the database when it is not there; return for how long it keeps rows.

    Raises FailedPrecondition TELEMETRY_INVALID for a TDengine before 3, and for a database whose times have no
    microseconds.
    """
    ((version, *_),) = (await client.ask("SELECT SERVER_VERSION()", in_database=False)).rows
    if int(str(version).partition(".")[0] or 0) < _OLDEST_VERSION:
        raise _invalid(f"it is TDengine {version}, at least {_OLDEST_VERSION}.0.5 is needed")
    options = await _options(client, address.database)
    if options is None:
        await client.ask(
            f"CREATE DATABASE IF NOT EXISTS {address.database} PRECISION 'us' KEEP {KEEP_DAYS}", in_database=False
        )
        options = await _options(client, address.database) or ("us", f"{KEEP_DAYS}d")
    precision, keep = options
    if precision != "us":
        raise _invalid(
            f"the times of database {address.database!r} are of {precision}, not us: name another one, which is made"
        )
    return timedelta(minutes=max(_minutes(each) for each in keep.split(","))) - _MARGIN


def too_old(rows: int, before: int) -> Unprocessable:
    """Return the refusal of rows before a moment, in microseconds."""
    those = "1 row is" if rows == 1 else f"{rows} rows are"
    return Unprocessable(
        f"{those} older than {iso_time(before)}, which is as far back as the telemetry store (TDengine) keeps rows "
        "(KEEP), or too far ahead; the other rows were stored",
        reason="TELEMETRY_KEEP_LIMIT_EXCEEDED",
    )


async def _options(client: TDengineClient, database: str) -> tuple[str, str] | None:
    rows = (
        await client.ask(
            f"SELECT `precision`, `keep` FROM information_schema.ins_databases WHERE `name` = {text_literal(database)}",
            in_database=False,
        )
    ).rows
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def _minutes(keep: str) -> int:
    found = _PART.fullmatch(keep.strip())
    return int(found[1]) * _MINUTES[found[2]] if found else 0


def _invalid(why: str) -> FailedPrecondition:
    return FailedPrecondition(f"the telemetry store (TDengine) can't be used: {why}", reason="TELEMETRY_INVALID")
