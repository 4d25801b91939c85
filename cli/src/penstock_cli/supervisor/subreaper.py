"""Process parentage on Linux: becoming the child subreaper, and ending with the parent (prctl)."""

import ctypes
import os
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36


def set_child_subreaper(*, enabled: bool) -> None:
    """Have processes below this one become its own children when their parent ends, or no longer. Raises OSError."""
    _prctl(_PR_SET_CHILD_SUBREAPER, int(enabled))


def terminate_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent ends, however that ends. Raises OSError."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
