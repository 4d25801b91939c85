"""How much memory that was freed the process keeps."""

import ctypes
from typing import Final

_TRIM_THRESHOLD: Final = -1
"""What <malloc.h> calls M_TRIM_THRESHOLD."""


def keep_freed_memory(size: int) -> bool:
    """Let malloc keep up to `size` bytes that are free at the end of a heap, of which there are two.

    Rows of a range are some megabytes in many pieces. Given back to the kernel and taken anew for each question, they
    are cleared each time, which takes as long as reading them. Return False where the C library can't be told.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, size))
