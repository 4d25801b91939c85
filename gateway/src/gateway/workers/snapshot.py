"""What workers publish for each other: the newest value of each, and the sum of those that have ended."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from gateway.workers.presence import Presence

_LOCK: Final = "snapshots.lock"
_DEPARTED: Final = "departed"
# Ids of ended workers that are remembered, so that a crash while one is added counts nobody twice.
_REMEMBERED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """What others published: `departed` is the sum of those that have ended (None without any), `living` is by id."""

    departed: Any = None
    living: Mapping[str, Any] = field(default_factory=dict[str, Any])


class SharedSnapshots:
    """One kind of value in the folder that the workers share.

    A value is written beside and renamed, so nobody reads half of one. Who finds the value of a worker that has ended
    adds it to the departed by ``fold(departed or None, last)``, once, and deletes it: files do not pile up, and what
    was counted stays counted. Values are JSON.
    """

    def __init__(self, folder: Path, kind: str, presence: Presence, fold: Callable[[Any, Any], Any]) -> None:
        self._folder = folder
        self._kind = kind
        self._presence = presence
        self._fold = fold

    def publish(self, value: Any) -> None:
        """Replace this worker's value. A full disk is no reason to stop serving."""
        with contextlib.suppress(OSError):
            self._write(self._file(self._presence.worker_id), value)

    def read(self) -> Snapshots:
        """Return what all others have published."""
        with self._locked(fcntl.LOCK_SH):
            found = self._read()
        if all(map(self._presence.is_alive, found.living)):
            return found
        with self._locked(fcntl.LOCK_EX):
            self._fold_departed()
            return self._read()

    def _read(self) -> Snapshots:
        own = self._presence.worker_id
        names = [path.name.removesuffix(f".{self._kind}") for path in self._folder.glob(f"gw_*.{self._kind}")]
        living = {name: value for name in names if name != own and (value := self._load(name)) is not None}
        _, departed = self._departed()
        return Snapshots(departed=departed, living=living)

    def _departed(self) -> tuple[list[str], Any]:
        """Return the ids that are in the sum of the departed, and the sum."""
        written: dict[str, Any] | None = self._load(_DEPARTED)
        return ([], None) if written is None else (written["ids"], written["value"])

    def _fold_departed(self) -> None:
        ids, value = self._departed()
        gone = {name: last for name, last in self._read().living.items() if not self._presence.is_alive(name)}
        for name, last in gone.items():
            if name not in ids:
                value, ids = self._fold(value, last), [*ids[-_REMEMBERED:], name]
        try:
            self._write(self._file(_DEPARTED), {"ids": ids, "value": value})
        except OSError:
            return  # their files stay, and are added when there is room
        for name in gone:
            self._file(name).unlink(missing_ok=True)

    def _load(self, name: str) -> Any:
        try:
            return orjson.loads(self._file(name).read_bytes())
        except (OSError, ValueError):
            return None

    def _write(self, file: Path, value: Any) -> None:
        draft = file.with_name(f".{file.name}.{self._presence.worker_id}")
        draft.write_bytes(orjson.dumps(value))
        draft.replace(file)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.{self._kind}"

    @contextlib.contextmanager
    def _locked(self, how: int) -> Generator[None]:
        """Hold the lock of the folder: nobody reads between the sum of the departed and the deletion of their files."""
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
