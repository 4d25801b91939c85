"""Messages that were refused, kept in a file of bounded size beside the log's few lines."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import orjson

from penstock_kit.logging import get_logger

_MOST_BYTES: Final = 1024 * 1024
_SHOWN_BYTES: Final = 200
_EVERY_SECONDS: Final = 1.0
_MOST_TOPICS: Final = 1_000

log = get_logger(__name__)


class RefusalLog:
    """Counts refused messages by pattern of topics, logs one a second, and writes the newest to a file.

    The file is turned over at a megabyte: it and the one before, ``….1``, are all that is kept.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float]) -> None:
        self._path = path
        self._monotonic = monotonic
        self._logged = float("-inf")
        self._silent = 0
        self.counts: Counter[str] = Counter()
        self.newest: deque[str] = deque(maxlen=20)

    def add(self, refused: Sequence[tuple[str, str, bytes, str]]) -> None:
        """Take messages: pattern, topic, payload and why each was refused. It may block."""
        lines = bytearray()
        for pattern, topic, payload, reason in refused:
            self.counts[pattern] += 1
            self.newest.append(f"{topic[:_SHOWN_BYTES]}: {reason}")
            shown = payload[:_SHOWN_BYTES].decode(errors="replace")
            lines += orjson.dumps({"topic": topic, "reason": reason, "payload": shown}) + b"\n"
        self._write(bytes(lines[-_MOST_BYTES:]))
        if refused:
            self._log(len(refused), *refused[-1])

    def _write(self, lines: bytes) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size + len(lines) > _MOST_BYTES:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            with self._path.open("ab") as file:
                file.write(lines)
        except OSError as error:
            log.warning("refused messages can't be written down", path=str(self._path), detail=error.strerror)

    def _log(self, count: int, pattern: str, topic: str, payload: bytes, reason: str) -> None:
        self._silent += count
        if self._monotonic() - self._logged < _EVERY_SECONDS:
            return
        log.warning(
            "MQTT messages refused",
            count=self._silent,
            pattern=pattern,
            topic=topic[:_SHOWN_BYTES],
            reason=reason,
            bytes=len(payload),
        )
        self._silent, self._logged = 0, self._monotonic()
