"""When messages without a time of their own came, in a file: one that comes again after a crash has the same time."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from feature_service.domain.ingest.message import Message
from penstock_kit.errors import Unavailable

# Lines of the file before it is written anew; a session has at most 65,535 messages under way.
_MOST_LINES: Final = 200_000
_MOST_ENTRIES: Final = 65_535


class FileReceiptJournal:
    """Appends ``receipt time`` lines to a file. A receipt begins with the packet id, and the newest of an id counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times: dict[str, tuple[str, int]] = {}
        self._lines = 0
        self._read()

    def time_of(self, receipt: str) -> int | None:
        """Return when the message of `receipt` came first, None when that is not known."""
        known = self._times.get(_packet(receipt))
        return known[1] if known is not None and known[0] == receipt else None

    def keep(self, messages: Sequence[Message]) -> None:
        """Write the times of the messages that have a receipt. Raises Unavailable JOURNAL_UNAVAILABLE."""
        new = [message for message in messages if message.receipt and self.time_of(message.receipt) != message.time]
        if not new:
            return
        for message in new:
            packet = _packet(message.receipt)
            self._times.pop(packet, None)
            self._times[packet] = (message.receipt, message.time)
        while len(self._times) > _MOST_ENTRIES:
            del self._times[next(iter(self._times))]
        try:
            if self._lines + len(new) > _MOST_LINES:
                self._rewrite()
            else:
                self._append("".join(f"{message.receipt} {message.time}\n" for message in new), len(new))
        except OSError as error:
            raise Unavailable(
                f"{self._path} can't be written: {error.strerror}", reason="JOURNAL_UNAVAILABLE"
            ) from error

    def _append(self, text: str, lines: int) -> None:
        with self._path.open("a", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._lines += lines

    def _rewrite(self) -> None:
        aside = self._path.with_suffix(".new")
        with aside.open("w", encoding="ascii") as file:
            file.writelines(f"{receipt} {time}\n" for receipt, time in self._times.values())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        self._lines = len(self._times)

    def _read(self) -> None:
        try:
            lines = self._path.read_text("ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            receipt, _, time = line.partition(" ")
            if receipt and time.lstrip("-").isdecimal():  # the last line may have been cut
                self._times.pop(_packet(receipt), None)
                self._times[_packet(receipt)] = (receipt, int(time))
        self._lines = len(lines)


def _packet(receipt: str) -> str:
    return receipt.partition(":")[0]
