"""The call journal in files: appended within the same turn of the event loop, locked as long as the process lives."""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llm_service.adapters.journal_record import ENDED, STANDS, Record, began_record, line_of, rows_of, state_record
from llm_service.adapters.ledger_row import micros_from_time
from llm_service.domain.billing.ledger import LedgerRow
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger

_PREFIX: Final = "llm-calls-"
_SUFFIX: Final = ".jsonl"
_SEGMENT: Final = 4 * 1024 * 1024
_LOOK_SECONDS: Final = 1.0
# An end is exact a little later: until then the call's last state stands for it.
_END_SECONDS: Final = 0.02

# Returns what says, from then on, whether everything that had ended by now is in the database.
WrittenMark = Callable[[], Callable[[], bool]]

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Segment:
    path: Path
    fd: int
    size: int = 0
    is_written: Callable[[], bool] = lambda: False

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.fd)


class FileJournal:
    """Notes calls in files below `home`, each locked (flock) until the process ends, whichever way it does.

    Records of one turn of the event loop are written together, by one write(2) and without a sync: they outlive
    the process, not the machine. A file over `largest` bytes is left for a new one, which begins with the calls
    under way, and removed when `written` says so. Start :meth:`run` as a task.
    """

    def __init__(
        self,
        home: Path,
        clock: Clock,
        new_id: Callable[[str], str],
        *,
        written: WrittenMark,
        largest: int = _SEGMENT,
    ) -> None:
        self._home = home
        self._clock = clock
        self._new_id = new_id
        self._written = written
        self._largest = largest
        self._open: dict[str, tuple[Record, Record | None]] = {}
        self._waiting: list[Record | tuple[str, LedgerRow]] = []
        self._full: deque[_Segment] = deque()
        self._urgent = False
        self._complained = False
        self._torn = False
        self._segment: _Segment | None = None
        self._begin_segment()

    def record_start(
        self,
        call_id: str,
        *,
        operation: str,
        requested_model: str,
        surface: str,
        end_user: str,
        labels: Mapping[str, str],
    ) -> None:
        """Note a call of the current caller."""
        record = began_record(
            call_id,
            micros_from_time(self._clock.now()),
            operation=operation,
            requested_model=requested_model,
            surface=surface,
            end_user=end_user,
            labels=labels,
        )
        self._open[call_id] = (record, None)
        self._note(record)

    def record_state(self, row: LedgerRow) -> None:
        """Note how far a call has come."""
        if known := self._open.get(row.id):
            record = state_record(STANDS, row)
            self._open[row.id] = (known[0], record)
            self._note(record)

    def record_end(self, row: LedgerRow) -> None:
        """Note the end of a call."""
        if self._open.pop(row.id, None):
            if not self._waiting:
                asyncio.get_running_loop().call_later(_END_SECONDS, self.flush)
            self._waiting.append((ENDED, row))

    async def run(self) -> None:
        """Change segments and remove those that are done with, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.tidy()

    def tidy(self) -> None:
        """Leave a full segment for a new one, and remove what is in the database."""
        self.flush()
        segment = self._segment
        if segment is None:
            self._begin_segment()
        elif not self._open and segment.size and self._written()():
            self._empty(segment)
        elif segment.size > self._largest and self._begin_segment():
            segment.is_written = self._written()
            self._full.append(segment)
        while self._full and self._full[0].is_written():
            self._full.popleft().drop()

    def close(self) -> None:
        """Remove the files when everything is in the database; otherwise they are for the next process to settle."""
        self.flush()
        done = not self._open and self._written()()
        for segment in (*self._full, *([self._segment] if self._segment else ())):
            if done:
                segment.drop()
            else:
                os.close(segment.fd)
        self._full.clear()
        self._segment = None

    def flush(self) -> None:
        """Write what waits. A disk that takes nothing is one line in the log: calls are worth more than the journal."""
        waiting, self._waiting, self._urgent = self._waiting, [], False
        if not waiting or self._segment is None:
            return
        records = (state_record(ENDED, each[1]) if isinstance(each[1], LedgerRow) else each for each in waiting)
        data = (b"\n" if self._torn else b"") + b"".join(map(line_of, records))
        try:
            size = os.write(self._segment.fd, data)
            self._segment.size += size
            # A disk that fills takes a part: the next line must not go on where it ends.
            self._torn = size < len(data)
            self._complained = False
        except OSError as error:
            self._complain(error)

    def _note(self, record: Record) -> None:
        if not self._urgent:
            self._urgent = True
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(record)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            log.error("calls under way can't be noted, a kill would lose them", detail=str(error))
        self._complained = True

    def _begin_segment(self) -> bool:
        """Go on in a new file, which begins with the calls under way, and say whether there could be one."""
        try:
            self._segment, self._torn = self._made(), False
        except OSError as error:
            self._complain(error)
            return False
        for began, stands in self._open.values():
            self._waiting += [began] if stands is None else [began, stands]
        self.flush()
        return True

    def _made(self) -> _Segment:
        """A new file, locked before others can see it as a journal."""
        self._home.mkdir(parents=True, exist_ok=True)
        name = _PREFIX + self._new_id("jrn")
        making, path = self._home / f"{name}.new", self._home / f"{name}{_SUFFIX}"
        fd = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        making.rename(path)
        return _Segment(path=path, fd=fd)

    def _empty(self, segment: _Segment) -> None:
        with suppress(OSError):
            os.ftruncate(segment.fd, 0)
            segment.size = 0


@contextmanager
def orphaned_rows(home: Path) -> Generator[list[LedgerRow]]:
    """Give the calls of processes that are no more; their journals are removed when the block ends without an error.

    Journals of processes that live are locked, and so are those that another process is settling.
    """
    orphans: list[tuple[Path, int]] = []
    lines: list[bytes] = []
    try:
        for path in sorted(home.glob(f"{_PREFIX}*{_SUFFIX}")):
            if (fd := _taken(path)) is not None:
                orphans.append((path, fd))
                lines += path.read_bytes().splitlines()
        # A call may go on in a later file: their names are in the order they were made.
        yield rows_of(lines)
        for path, _ in orphans:
            path.unlink(missing_ok=True)
    finally:
        for _, fd in orphans:
            os.close(fd)


def _taken(path: Path) -> int | None:
    """The lock of a journal that nobody holds, None when somebody does or has just settled it."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    if not os.fstat(fd).st_nlink:
        os.close(fd)
        return None
    return fd
