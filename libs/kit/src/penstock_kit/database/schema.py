"""The schema of a service's records at its start, also when the store is not there yet."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from penstock_kit.database.database import Database, Phase, open_database
from penstock_kit.database.failure import passes_by_itself
from penstock_kit.database.migrate import migrate
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

_ANSWER_SECONDS: Final = 1.5
_AGAIN_SECONDS: Final = 1.0
# After a failure that is none of the connection's, the next attempt comes so many times later.
_FAILED_TIMES: Final = 30

log = get_logger(__name__)


@asynccontextmanager
async def prepare_schema(
    database: Database,
    url: str,
    script_location: Path,
    *,
    then: Callable[[], Awaitable[object]],
    answer_seconds: float = _ANSWER_SECONDS,
    again_seconds: float = _AGAIN_SECONDS,
) -> AsyncGenerator[bool]:
    """Bring the schema of `database`, which is at `url`, up to date and do `then`, which needs it, before the block,
    which gets True.

    A PostgreSQL that does not answer within `answer_seconds` holds up no start: the block gets False, and both are done
    as soon as it does. Until then statements raise Unavailable. When that fails, `database.failure` says so until an
    attempt some time later succeeds. Raises what :func:`migrate` and `then` raise.
    """
    try:
        if not database.is_sqlite:
            await _check_answers(url, answer_seconds)
    except Unavailable as error:
        log.warning("starting without the database", service=script_location.parent.name, detail=error.message)
    else:
        await migrate(url, script_location, schema=database.schema)
        await then()
        yield True
        return
    database.phase = Phase.ABSENT
    late = asyncio.create_task(
        _prepare_later(database, url, script_location, then, answer_seconds=answer_seconds, again_seconds=again_seconds)
    )
    try:
        yield False
    finally:
        late.cancel()
        await asyncio.wait([late])


async def _prepare_later(
    database: Database,
    url: str,
    script_location: Path,
    then: Callable[[], Awaitable[object]],
    *,
    answer_seconds: float,
    again_seconds: float,
) -> None:
    seconds = again_seconds
    while True:
        await asyncio.sleep(seconds)
        seconds = again_seconds
        try:
            await _check_answers(url, answer_seconds)
            await migrate(url, script_location, schema=database.schema)
            database.phase = Phase.PREPARED
            await then()
        except Unavailable:
            continue
        except Exception as error:
            # Another version may mend it, or the operator.
            database.failure = _failure(error)
            log.exception("the database cannot be used; it is tried again", service=script_location.parent.name)
            seconds = again_seconds * _FAILED_TIMES
            continue
        database.phase, database.failure = Phase.THERE, ""
        log.info("the database is there", service=script_location.parent.name)
        return


def _failure(error: Exception) -> str:
    """Return what may be shown of a failure: our own words, else only that the log has it."""
    text = error.message if isinstance(error, PenstockError) else "see the log of the service"
    return f"its schema could not be prepared: {text}"


async def _check_answers(url: str, seconds: float) -> None:
    """Return when the store can be used or will never come by itself; raise Unavailable when it may come.

    It has `seconds` to answer.
    """
    database = open_database(url, readers=1, reconnect_seconds=0)
    try:
        async with asyncio.timeout(seconds):
            await database.ping()
    except TimeoutError:
        raise Unavailable(f"the database does not answer within {seconds:g} s") from None
    except Unavailable as error:
        if isinstance(error.__cause__, Exception) and passes_by_itself(error.__cause__):
            raise
    finally:
        await database.close()
