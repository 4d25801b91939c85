"""One DuckDB file: opened on first use, asked from worker threads, interrupted when the caller leaves."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from feature_service.adapters.duckdb.file import is_lock_conflict, remove_stub, require_file
from feature_service.adapters.duckdb.write_gate import WriteGate
from penstock_kit.errors import FailedPrecondition, PenstockError, ResourceExhausted, Unavailable, Unprocessable
from penstock_kit.home import ensure_home
from penstock_kit.logging import get_logger
from penstock_kit.telemetry import tracer
from penstock_kit.tenant_turns import TenantTurns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")
Work = Callable[["DuckDBPyConnection"], Result]

_READERS: Final = 4
_READERS_OF_ONE: Final = _READERS - 1
"""Reads of one tenant at a time: another finds a reader free."""
_WRITERS: Final = 3
"""Tenants that write at a time: a row of ten thousand fields takes seconds, for which the others do not wait."""
_MOST_LOG_BYTES: Final = 32 * 1024 * 1024
"""DuckDB writes its log into the file from half of this on, unless somebody writes just then."""
_LOCK_RETRY_SECONDS: Final = 0.1
_MEMORY_USED: Final = "SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()"
# DuckDB 2 keeps eight threads that read Parquet and CSV; its own format, which is all that is read here, needs none.
_NO_ASYNC_THREADS: Final = "SET async_threads = 0"
# What the system says of a disk, a quota or a file limit that is used up; DuckDB passes it on as text alone.
_FULL: Final = ("No space left on device", "Disk quota exceeded", "File too large")

log = get_logger(__name__)


class DuckDbConnection:
    """Runs blocking work on a DuckDB file: one write of a tenant at a time, reads beside it, tenants in turn.

    duckdb is imported and the file opened at the first call, after `before_open` has been awaited. Another
    process that holds the file is waited for up to `lock_seconds`. `prepare` runs once on the open file.
    """

    def __init__(
        self,
        path: Path,
        *,
        prepare: Work[None],
        before_open: Callable[[], Awaitable[None]] | None = None,
        memory_mb: int = 512,
        lock_seconds: float = 30.0,
    ) -> None:
        self._path = path
        self._prepare = prepare
        self._before_open = before_open
        self._memory_mb = memory_mb
        self._lock_seconds = lock_seconds
        self._connection: DuckDBPyConnection | None = None
        self._opening = threading.Lock()
        self._starting = threading.Lock()
        self._running = 0
        self._closed = False
        self._readers = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="duckdb-read")
        # One more than writes, for the log.
        self._writers = ThreadPoolExecutor(max_workers=_WRITERS + 1, thread_name_prefix="duckdb-write")
        self._reading = TenantTurns(_READERS, share=_READERS_OF_ONE)
        self._writing = TenantTurns(_WRITERS, share=1)
        self._gate = WriteGate()
        self._committing = threading.Lock()

    async def read(self, work: Work[Result], *, tenant_id: str = "") -> Result:
        """Return what `work` makes of a cursor that sees one state of the file per statement."""
        with _span("read"):
            return await self._run(self._readers, self._reading, work, tenant_id)

    async def write(
        self, work: Work[Result], *, committed: Callable[[Result], bool | None], tenant_id: str = ""
    ) -> Result:
        """Run `work` in a transaction, after the tenant's writes before it; an exception rolls it back.

        `committed` is told the result before the tenant's next write begins, whether the caller still waits or not, and
        of one write at a time. When it returns True, the file's log is written into the file before the next write:
        reading it again would take long. The caller is answered before that.
        """

        def transact(cursor: "DuckDBPyConnection") -> Result:
            with self._gate.beside_others():
                result = _in_transaction(cursor, work)
                with self._committing:
                    if committed(result) or self._log_bytes() > _MOST_LOG_BYTES:
                        self._write_log_soon()
            return result

        with _span("write"):
            return await self._run(self._writers, self._writing, transact, tenant_id)

    def _write_log_soon(self) -> None:
        if self._gate.close():
            try:
                self._writers.submit(self._write_log)
            except RuntimeError:  # being closed, the file is given its log anyway
                self._gate.open()

    def _write_log(self) -> None:
        # DuckDB refuses it while somebody writes.
        with self._gate.alone(), contextlib.suppress(PenstockError):
            self._answer(_checkpoint, [])

    def _log_bytes(self) -> int:
        try:
            return Path(f"{self._path}.wal").stat().st_size
        except OSError:
            return 0

    async def open(self) -> None:
        """Open the file unless it is open."""
        if self._connection is None or self._closed:
            await self.read(lambda _: None)

    async def release_cache(self, keep_mb: int) -> None:
        """Give back what is in memory of the file beyond `keep_mb`, unless a statement runs that may need it."""
        await asyncio.to_thread(self._release_cache, min(keep_mb, self._memory_mb))

    @property
    def is_open(self) -> bool:
        """Whether the file has been opened."""
        return self._connection is not None

    async def check(self) -> None:
        """Return when the open file answers, or, before it is first needed, when its folder can be written."""
        if self._connection is None:
            await asyncio.to_thread(ensure_home, self._path.parent)
        else:
            await self.read(lambda cursor: cursor.execute("SELECT 1").fetchall())

    async def close(self) -> None:
        """Finish what runs and close the file (which writes its log into it)."""
        self._closed = True
        await asyncio.to_thread(self._shut)

    async def _run(self, pool: ThreadPoolExecutor, turns: TenantTurns, work: Work[Result], tenant_id: str) -> Result:
        if self._connection is None and self._before_open is not None:
            await self._before_open()
        running: list[DuckDBPyConnection] = []
        await turns.acquire(tenant_id)
        try:
            future = asyncio.get_running_loop().run_in_executor(pool, self._answer, work, running)
        except RuntimeError as error:
            turns.release(tenant_id)
            if self._closed:
                raise _closed() from error
            raise
        # When the work has ended, not when its caller has left.
        future.add_done_callback(lambda _: turns.release(tenant_id))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            # The statement would go on in its thread: nobody waits for it any more.
            future.add_done_callback(_forget)
            for cursor in running:
                cursor.interrupt()
            raise

    def _answer(self, work: Work[Result], running: "list[DuckDBPyConnection]") -> Result:
        connection = self._open()
        cursor = connection.cursor()
        running.append(cursor)
        with self._starting:
            self._running += 1
        try:
            return work(cursor)
        except Exception as error:
            translated = self._translated(error, connection)
            if translated is None:
                raise
            raise translated from error
        finally:
            running.clear()
            with self._starting:
                self._running -= 1
            cursor.close()

    def _release_cache(self, keep_mb: int) -> None:
        import duckdb

        with self._starting:  # no statement starts while the limit is low, which it would be measured by
            if self._running or self._connection is None:
                return
            with self._connection.cursor() as cursor, contextlib.suppress(duckdb.Error):
                if cursor.execute(_MEMORY_USED).fetchall()[0][0] <= keep_mb * 1_000_000:
                    return
                try:
                    cursor.execute(f"SET memory_limit = '{keep_mb}MB'")
                finally:
                    cursor.execute(f"SET memory_limit = '{self._memory_mb}MB'")

    def _open(self) -> "DuckDBPyConnection":
        with self._opening:
            if self._closed:
                raise _closed()
            if self._connection is None:
                ensure_home(self._path.parent)
                self._connection = self._connect()
                self._prepare(self._connection)
            return self._connection

    def _connect(self) -> "DuckDBPyConnection":
        import duckdb

        until = time.monotonic() + self._lock_seconds
        require_file(self._path)
        remove_stub(self._path)
        is_new = not self._path.exists()
        while True:
            try:
                connection = duckdb.connect(str(self._path), config={"memory_limit": f"{self._memory_mb}MB"})
            except duckdb.IOException as error:
                if not is_lock_conflict(error) or time.monotonic() >= until:
                    raise self._cannot_open(error, is_new=is_new) from error
                time.sleep(_LOCK_RETRY_SECONDS)
            except duckdb.Error as error:
                raise self._cannot_open(error, is_new=is_new) from error
            else:
                with contextlib.suppress(duckdb.CatalogException):  # DuckDB 1 has no such threads
                    connection.execute(_NO_ASYNC_THREADS)
                return connection

    def _cannot_open(self, error: Exception, *, is_new: bool) -> PenstockError:
        if full := _full(error):
            if is_new:
                self._path.resolve().unlink(missing_ok=True)
            return full
        if is_lock_conflict(error):
            return Unavailable(
                f"another process holds the telemetry file {self._path.name}; stop it or point TELEMETRY_URL elsewhere",
                reason="TELEMETRY_UNAVAILABLE",
            )
        why = str(error).replace(str(self._path), self._path.name)
        message = f"the telemetry file {self._path.name} can't be opened: {why.splitlines()[0]}"
        return FailedPrecondition(message, reason="TELEMETRY_INVALID")

    def _translated(self, error: Exception, connection: "DuckDBPyConnection") -> PenstockError | None:
        import duckdb

        match error:
            case duckdb.OutOfMemoryException():
                return ResourceExhausted(
                    f"the question needs more than the {self._memory_mb} MB the telemetry store may use; "
                    "ask for a shorter range or fewer fields, or raise TELEMETRY_MEMORY_MB",
                    reason="TELEMETRY_MEMORY_LIMIT_EXCEEDED",
                )
            case duckdb.OutOfRangeException():
                return Unprocessable(f"the values are too large to compute with: {error}", reason="VALUE_INVALID")
            case duckdb.FatalException():
                self._abandon(connection)
                return _full(error) or Unavailable(
                    "the telemetry store failed and is being reopened", reason="TELEMETRY_UNAVAILABLE"
                )
            case duckdb.IOException():
                return _full(error) or Unavailable(
                    f"the telemetry store can't be used: {error}", reason="TELEMETRY_UNAVAILABLE"
                )
            case duckdb.Error():
                return _full(error)  # a commit says it as a TransactionException
            case _:
                return None

    def _abandon(self, broken: "DuckDBPyConnection") -> None:
        with self._opening:
            if self._connection is not broken:
                return  # who worked beside has told it
            self._connection = None
        log.error("telemetry file abandoned after a fatal error", file=self._path.name)
        with contextlib.suppress(Exception):
            broken.close()

    def _shut(self) -> None:
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        with self._opening:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _span(operation: str) -> AbstractContextManager[object]:
    attributes = {"db.system.name": "duckdb", "db.operation.name": operation}
    return tracer(__name__).start_as_current_span(f"telemetry {operation}", attributes=attributes)


def _closed() -> Unavailable:
    return Unavailable("the telemetry store is closed", reason="TELEMETRY_UNAVAILABLE")


def _in_transaction(cursor: "DuckDBPyConnection", work: Work[Result]) -> Result:
    cursor.begin()
    try:
        result = work(cursor)
    except BaseException:
        with contextlib.suppress(Exception):  # an interrupted transaction is rolled back already
            cursor.rollback()
        raise
    cursor.commit()
    return result


def _checkpoint(cursor: "DuckDBPyConnection") -> None:
    """Write the log into the file; what was committed stays in the log when that can't be done now."""
    import duckdb

    try:
        cursor.execute("CHECKPOINT")
    except duckdb.Error as error:
        log.warning("the log of the telemetry file was not written into it", error=str(error).splitlines()[0])


def _forget(future: "asyncio.Future[Any]") -> None:
    """Take the exception of an abandoned statement, so that nobody reports it as never retrieved."""
    if not future.cancelled():
        future.exception()


def _full(error: Exception) -> Unavailable | None:
    """Return the error of a disk without room, None when it is another."""
    if not any(sign in str(error) for sign in _FULL):
        return None
    text = "the disk of the telemetry store is full: free space; nothing of this was stored, and reading goes on"
    return Unavailable(text, reason="STORAGE_UNAVAILABLE")
