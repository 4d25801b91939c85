"""Connections to one PostgreSQL: prepared on first use, waited for while the server restarts, given back clean."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

from feature_service.adapters.postgresql.failure import REASON, is_lost, telemetry_error, took_too_long
from feature_service.adapters.postgresql.transaction import COPY_SECONDS, in_transaction
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.telemetry import tracer
from penstock_kit.tenant_turns import TenantTurns

Connection: TypeAlias = Any
"""A connection of asyncpg, which has no types."""

Result = TypeVar("Result")
BeforeOpen = Callable[[], Awaitable[None]]

CONNECTIONS: Final = 8
_WRITERS: Final = CONNECTIONS // 2
_CONNECT_SECONDS: Final = 3.0
_BUSY_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.1
_SETTINGS: Final = {
    "application_name": "penstock telemetry",
    "timezone": "UTC",
    # Statements are short or read millions of rows by simple plans: compiling them costs more than it saves.
    "jit": "off",
    # Nobody waits long for a lock: what is locked is short, but for two loads of the same rows.
    "lock_timeout": "10s",
    # A process that died in a transaction keeps no locks for longer.
    "idle_in_transaction_session_timeout": "120s",
    "tcp_keepalives_idle": "60",
    # A statement whose caller is gone ends, though it sends nothing yet.
    "client_connection_check_interval": "2s",
}


class PostgresPool:
    """Gives connections to the server at `url`; each block ends with the connection clean, or closed.

    asyncpg is imported at the first use, after `before_open` has been awaited, and `prepare` is awaited until it has
    succeeded once. In the first `reconnect_seconds` of an outage connecting is tried again. Every failure of the server
    is raised as a PenstockError.
    """

    def __init__(
        self,
        url: str,
        *,
        prepare: Callable[[], Awaitable[None]],
        before_open: BeforeOpen | None = None,
        query_seconds: float = 60.0,
        reconnect_seconds: float = 3.0,
    ) -> None:
        self._url = url
        self._prepare = prepare
        self._before_open = before_open
        self._query_seconds = query_seconds
        self._reconnect_seconds = reconnect_seconds
        self._away_since: float | None = None
        self._opening = asyncio.Lock()
        self._writing = TenantTurns(_WRITERS, share=_WRITERS - 1)
        self._reading = TenantTurns(CONNECTIONS, share=CONNECTIONS - 2)
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._is_prepared = False
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether the store has been used."""
        return self._is_prepared

    async def read(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Return what `work` makes of a connection; it is called again, once, when the connection goes meanwhile.

        Tenants take turns. Raises ResourceExhausted TELEMETRY_TIME_LIMIT_EXCEEDED when it takes too long.
        """
        with tracer(__name__).start_as_current_span("telemetry read", attributes=_attributes("read")):
            async with _turn(self._reading):
                return await self._read(work)

    async def _read(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        try:
            return await self._limited(work)
        except Unavailable as error:
            if error.__cause__ is None or not is_lost(error.__cause__):
                raise
            self._forget_idle()
        return await self._limited(work)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Open a transaction, committed at the end of the block, rolled back by an exception.

        Fewer transactions run at once than there are connections: the block may need a second one, by :meth:`connect`.
        Tenants take turns.
        """
        with tracer(__name__).start_as_current_span("telemetry write", attributes=_attributes("write")):
            async with _turn(self._writing), self.connect() as connection, in_transaction(connection):
                yield connection

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[Connection]:
        """Take a connection for the block; failures in the block are translated too."""
        await self._open()
        try:
            connection = await self._acquire()
            is_clean = False
            try:
                yield connection
                is_clean = True
            except Exception:
                is_clean = True
                raise
            finally:
                # A caller who leaves may leave a statement behind: that connection is closed.
                self._release(connection, is_clean=is_clean)
        except PenstockError:
            raise
        except Exception as error:
            raise self._translated(error) from error

    async def check(self) -> None:
        """Return when the server answers; raise Unavailable otherwise, without waiting for it to come back."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                connection = await self._take()
                try:
                    await connection.fetchval("SELECT 1")
                finally:
                    self._release(connection, is_clean=True)
        except PenstockError:
            raise
        except Exception as error:
            raise self._translated(error) from error

    async def close(self) -> None:
        """Close all connections, in the middle of what they do."""
        self._is_closed = True
        for connection in (*self._idle, *self._busy):
            connection.terminate()
        self._idle.clear()

    async def _limited(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self.connect() as connection:
            try:
                async with asyncio.timeout(self._query_seconds):
                    return await work(connection)
            except TimeoutError:
                connection.terminate()
                raise took_too_long(self._query_seconds) from None

    async def _open(self) -> None:
        if self._is_prepared:
            return
        if self._before_open is not None:
            await self._before_open()
        async with self._opening:
            if not self._is_prepared:
                await self._prepare()
                self._is_prepared = True

    async def _acquire(self) -> Connection:
        while True:
            try:
                connection = await self._take()
            except Exception as error:
                if self._is_over(error):
                    raise
            else:
                self._away_since = None
                return connection
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _take(self) -> Connection:
        """Return a connection that nobody has, a new one when there is none."""
        if self._is_closed:
            raise Unavailable("the telemetry store is closed", reason=REASON)
        try:
            async with asyncio.timeout(_BUSY_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("all connections to the telemetry store are busy", reason=REASON) from None
        try:
            connection = await self._idle_or_new()
        except BaseException:
            self._places.release()
            raise
        self._busy.add(connection)
        return connection

    async def _idle_or_new(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        import asyncpg

        connect: Any = getattr(asyncpg, "connect")  # noqa: B009 - it has no types
        return await connect(
            self._url, timeout=_CONNECT_SECONDS, command_timeout=COPY_SECONDS, server_settings=_SETTINGS
        )

    def _release(self, connection: Connection, *, is_clean: bool) -> None:
        self._busy.discard(connection)
        self._places.release()
        if connection.is_closed():
            return
        if is_clean and not self._is_closed and not connection.is_in_transaction():
            self._idle.append(connection)
        else:
            connection.terminate()

    def _forget_idle(self) -> None:
        """Close the connections that nobody has: one was lost, and they may be as well without knowing."""
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()

    def _is_over(self, error: Exception) -> bool:
        now = asyncio.get_running_loop().time()
        if self._away_since is None:
            self._away_since = now
        return not is_lost(error) or now - self._away_since >= self._reconnect_seconds

    def _translated(self, error: Exception) -> Exception:
        return telemetry_error(error, self._query_seconds) or error


@asynccontextmanager
async def _turn(turns: TenantTurns) -> AsyncGenerator[None]:
    """Take a place for the tenant of the call that is being answered."""
    tenant_id = current_context().caller.tenant_id
    await turns.acquire(tenant_id)
    try:
        yield
    finally:
        turns.release(tenant_id)


def _attributes(operation: str) -> dict[str, str]:
    return {"db.system.name": "postgresql", "db.operation.name": operation}
