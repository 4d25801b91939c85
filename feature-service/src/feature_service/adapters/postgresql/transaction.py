"""Transactions that a caller may leave at any moment."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from feature_service.adapters.postgresql.pool import Connection

COPY_SECONDS: Final = 600.0
"""How long one COPY may take."""

_LOOK_SECONDS: Final = 0.5


@asynccontextmanager
async def in_transaction(
    connection: "Connection", *, isolation: str = "read_committed", readonly: bool = False
) -> AsyncGenerator[None]:
    """Open a transaction, or a savepoint in one, committed at the end of the block, rolled back by an exception.

    The driver's own block would hide a cancellation behind the failure of its rollback.
    """
    transaction = connection.transaction(isolation=isolation, readonly=readonly)
    await transaction.start()
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            with suppress(Exception):
                await transaction.rollback()
        raise
    await transaction.commit()


async def run_copy(connection: "Connection", copying: Coroutine[Any, Any, object]) -> None:
    """Await a COPY over the connection, which is closed when the caller leaves in the middle: it is of no use then.

    Raises ConnectionResetError when the connection goes, and TimeoutError after ten minutes: the driver notices neither
    while the server takes no more.
    """
    task = asyncio.ensure_future(copying)
    try:
        async with asyncio.timeout(COPY_SECONDS):
            while not task.done():
                await asyncio.wait({task}, timeout=_LOOK_SECONDS)
                if connection.is_closed() and not task.done():
                    raise ConnectionResetError
        await task
    finally:
        if not task.done():
            connection.terminate()
            task.cancel()
            await asyncio.wait({task})
