"""Opens the queue's files so that nobody else can have put something in their place."""

import os
import stat
from pathlib import Path
from typing import Final

from penstock_client.errors import QueueError

PRIVATE: Final = 0o600
# A link is not followed, a pipe is not waited for; neither is there on every system.
_SAFE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def check_folder(folder: Path) -> None:
    """Raise QueueError when somebody else could change what is in the folder: a link, another's, writable by others."""
    if os.name != "posix":  # elsewhere its owner and rights are not in the mode
        return
    found = folder.lstat()
    remedy = "give the queue a folder that is yours alone (mode 0700)"
    if stat.S_ISLNK(found.st_mode):
        raise QueueError(f"the offline queue's folder {folder} is a symbolic link; name the folder itself")
    if found.st_uid != os.geteuid():
        raise QueueError(f"the offline queue's folder {folder} belongs to another user; {remedy}")
    if found.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(found.st_mode)
        raise QueueError(f"others can write to the offline queue's folder {folder} (mode {mode:04o}); {remedy}")


def open_file(path: Path, flags: int) -> int:
    """Return a descriptor of a plain file of ours, made when `flags` say so.

    Raises FileNotFoundError when there is none, QueueError for a link, a device, a pipe or another user's file.
    """
    try:
        descriptor = os.open(path, flags | _SAFE, PRIVATE)
    except FileNotFoundError:
        raise
    except OSError as error:
        if path.is_symlink():
            raise QueueError(f"{path} is a symbolic link; the offline queue follows none") from None
        raise QueueError(f"{path} of the offline queue can't be opened: {error.strerror or error}") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (os.name == "posix" and found.st_uid != os.geteuid()):
        os.close(descriptor)
        raise QueueError(f"{path} is no plain file of this user; the offline queue does not use it")
    return descriptor
