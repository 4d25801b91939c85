"""A disk in memory whose power goes out at a chosen operation, with all that an operating system may lose then."""

from pathlib import Path


class PowerCut(BaseException):
    """The power went out; nothing after it runs."""


class CrashingDisk:
    """Files with what a reader sees and what would survive a power cut.

    ``crash_at`` counts operations from 1; that operation is cut: a write is half done, a sync or rename not done.
    """

    def __init__(self, durable: dict[Path, bytes] | None = None, *, crash_at: int = 0) -> None:
        self.durable = dict(durable or {})
        self.seen = dict(self.durable)
        self.operations: list[str] = []
        self._crash_at = crash_at
        self._unsynced_names: list[tuple[Path, Path]] = []

    def read(self, path: Path) -> bytes | None:
        return self.seen.get(path)

    def write(self, path: Path, data: bytes) -> None:
        if self._crashes(f"write {path.name}"):
            self.seen[path] = data[: len(data) // 2]
            raise PowerCut
        self.seen[path] = data

    def sync(self, path: Path) -> None:
        self._step(f"sync {path.name}")
        self.durable[path] = self.seen[path]

    def rename(self, source: Path, target: Path) -> None:
        self._step(f"rename {source.name}")
        self.seen[target] = self.seen.pop(source)
        self._unsynced_names.append((source, target))

    def sync_folder(self, folder: Path) -> None:
        self._step("sync folder")
        for source, target in self._unsynced_names:
            self.durable[target] = self.durable.pop(source, b"")
        self._unsynced_names.clear()

    def survivors(self) -> list[dict[Path, bytes]]:
        """Return the disks that may be found after the cut: a rename that was not synced may have happened or not."""
        late = dict(self.durable)
        for source, target in self._unsynced_names:
            if source in late:  # its content was synced
                late[target] = late.pop(source)
            else:  # a rename without its content: the classic file of zeros
                late[target] = b""
        return [dict(self.durable), late, dict(self.seen)]

    def _step(self, name: str) -> None:
        if self._crashes(name):
            raise PowerCut

    def _crashes(self, name: str) -> bool:
        self.operations.append(name)
        return len(self.operations) == self._crash_at
