"""The few file operations that the queue's safety rests on, in one place so that tests can let each of them fail."""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from penstock_client.errors import QueueError
from penstock_client.queue.safe_file import open_file

# What a thousand messages of the largest size take, and some room.
LARGEST_FILE: Final = 1280 * 1024 * 1024


class Disk(Protocol):
    """Files as an operating system has them: what is not synced may be lost, a rename is durable with its folder."""

    def read(self, path: Path) -> bytes | None:
        """Return a file's content, None when there is no such file."""
        ...

    def write(self, path: Path, data: bytes) -> None:
        """Make or replace a file that only its owner can read."""
        ...

    def sync(self, path: Path) -> None:
        """Return when a file's content is on the disk."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, in one step."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on the disk."""
        ...


class SystemDisk:
    """The operating system's files."""

    def read(self, path: Path) -> bytes | None:
        """Return a file's content, None when there is no such file."""
        try:
            descriptor = open_file(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:  # noqa: PTH123 - opened by its descriptor, so that it is this very file
            size = os.fstat(descriptor).st_size
            if size > LARGEST_FILE:
                most = LARGEST_FILE // 1024**2
                raise QueueError(
                    f"{path} has {size} bytes; an offline queue has at most {most} MiB. Move the file away"
                )
            return file.read()

    def write(self, path: Path, data: bytes) -> None:
        """Make or replace a file that only its owner can read."""
        descriptor = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - opened by its descriptor, for its mode
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]

    def sync(self, path: Path) -> None:
        """Return when a file's content is on the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, in one step."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on the disk."""
        if os.name == "posix":  # elsewhere a folder can't be opened, and a rename is durable by itself
            self.sync(folder)


@contextmanager
def writing(path: Path) -> Generator[None]:
    """Say what of the queue can't be written, and why: a disk that is full, say. Raises QueueError in its place."""
    try:
        yield
    except OSError as error:
        message = f"{path} of the offline queue can't be written: {error.strerror or error}"
        raise QueueError(message) from error


def replace_file(disk: Disk, path: Path, data: bytes) -> None:
    """Make `data` the content of `path`: a crash at any moment leaves the old content or the new, whole.

    Raises QueueError when it can't be written; what was there stays.
    """
    beside = path.with_name(path.name + ".new")
    with writing(path):
        try:
            disk.write(beside, data)
            disk.sync(beside)
            disk.rename(beside, path)
        except OSError:
            with suppress(OSError):
                beside.unlink(missing_ok=True)  # what was begun would take the room that there is
            raise
        disk.sync_folder(path.parent)
