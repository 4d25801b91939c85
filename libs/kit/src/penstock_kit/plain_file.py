"""Small files that somebody else names or puts there, read without waiting and without end.

What stands in a file's place may be a pipe that nobody writes to, or a device that never ends.
"""

import errno
import os
import stat
from pathlib import Path


def read_plain_file(path: Path, *, most: int) -> bytes:
    """Return what a plain file holds, links followed.

    Raises OSError, whose `strerror` says why, for what is no plain file, has more than `most` bytes or can't be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file but a pipe, a socket or a device", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content
