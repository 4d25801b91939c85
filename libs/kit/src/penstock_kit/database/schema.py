"""The schema of a service's records at its start, also when the store is not there yet."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from penstock_kit.database.database import Database, Phase, open_database
from penstock_kit.database.failure import passes_by_itself
from penstock_kit.database.migrate import migrate
from penstock_kit.errors import Unavailable
from penstock_kit.logging import get_logger

_ANSWER_SECONDS: Final = 1.5
_AGAIN_SECONDS: Final = 1.0

log = get_logger(__name__)


@asynccontextmanager
async def prepare_schema(
    database: Database,
    url: str,
    script_location: Path,
    *,
    then: Callable[[], Awaitable[object]],
    answer_seconds: float = _ANSWER_SECONDS,
) -> AsyncGenerator[bool]:
    """Bring the schema of `database`, which is at `url`, up to date and do `then`, which needs it, before the block,
    which gets True.

    A PostgreSQL that does not answer within `answer_seconds` holds up no start: the block gets False, and both are done
    as soon as it does. Until then statements raise Unavailable. Raises what :func:`migrate` and `then` raise.
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
    late = asyncio.create_task(_prepare_later(database, url, script_location, then, answer_seconds))
    try:
        yield False
    finally:
        late.cancel()
        await asyncio.wait([late])


async def _prepare_later(
    database: Database, url: str, script_location: Path, then: Callable[[], Awaitable[object]], answer_seconds: float
) -> None:
    while True:
        await asyncio.sleep(_AGAIN_SECONDS)
        try:
            await _check_answers(url, answer_seconds)
            await migrate(url, script_location, schema=database.schema)
            database.phase = Phase.PREPARED
            await then()
        except Unavailable:
            continue
        except Exception:
            log.exception("the database cannot be used; start again when it can", service=script_location.parent.name)
            return
        database.phase = Phase.THERE
        log.info("the database is there", service=script_location.parent.name)
        return


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
