"""Which workers live: each holds a lock on a file of its own, which the kernel gives back however it ends."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".alive"


class Presence:
    """This worker among those that share `folder`. `worker_id` sorts by the time of its start."""

    def __init__(self, folder: Path, worker_id: str) -> None:
        self.worker_id = worker_id
        self._folder = folder
        self._held = os.open(folder / f"{worker_id}{_SUFFIX}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def is_alive(self, worker_id: str) -> bool:
        """Return whether that worker still runs."""
        if worker_id == self.worker_id:
            return True
        try:
            descriptor = os.open(self._folder / f"{worker_id}{_SUFFIX}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def living(self) -> Sequence[str]:
        """Return the ids of all workers that live, the oldest first; forget those that are gone."""
        ids = sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        alive = [each for each in ids if self.is_alive(each)]
        for gone in set(ids).difference(alive):
            (self._folder / f"{gone}{_SUFFIX}").unlink(missing_ok=True)
        return alive

    @property
    def is_oldest(self) -> bool:
        """Whether no living worker is older: the one that does what only one may do."""
        return self.living()[0] == self.worker_id

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._held)
