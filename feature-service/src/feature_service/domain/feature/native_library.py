"""Which kernel computes features in this process: NumPy's functions alone, or compiled ones for the most common.

What comes out is the same to the bit, so that the choice is the process's and no part of a request. The library is
made at set-up where there is a C compiler (feature_service.adapters.native_kernel). No NumPy is needed to look for it.
"""

import ctypes
import hashlib
import sys
import sysconfig
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from penstock_kit.errors import FailedPrecondition

SOURCE: Final = Path(__file__).with_name("window_sums.c")
BUILD: Final = "python -m feature_service.adapters.native_kernel"
_ARRAY: Final = ctypes.c_void_p
_LENGTH: Final = ctypes.c_int64


class KernelChoice(StrEnum):
    """What is to compute the sums, extremes, crossings and ranks of windows."""

    AUTO = "auto"
    NUMPY = "numpy"
    NATIVE = "native"


class NativeLibrary:
    """The functions of window_sums.c in the library at `path`. Raises OSError when it can't be loaded.

    They look at no length: the modules `native_sums` and `native_order` beside this one do, and are all that call them.
    Calls hold no lock of Python's, so that threads compute side by side.
    """

    def __init__(self, path: Path) -> None:
        library = ctypes.CDLL(str(path))
        try:
            self.level, self.shape = library.penstock_level, library.penstock_shape
            self.ranks, self.running = library.penstock_ranks, library.penstock_running
            self.tagged, self.untagged = library.penstock_tagged, library.penstock_untagged
        except AttributeError as error:
            raise OSError(str(error)) from None
        self.level.argtypes = (_ARRAY, _ARRAY, _LENGTH, _LENGTH, _ARRAY, _LENGTH)
        self.shape.argtypes = (_ARRAY, _ARRAY, _LENGTH, _LENGTH, _ARRAY, _ARRAY, _ARRAY, _LENGTH)
        self.ranks.argtypes = (_ARRAY, _LENGTH, _LENGTH, _LENGTH, _ARRAY, _LENGTH)
        self.running.argtypes = (
            *(_ARRAY, _ARRAY, _LENGTH, _ARRAY, *(_LENGTH,) * 3),
            *(_ARRAY, _LENGTH, *(_ARRAY,) * 4, _LENGTH),
        )
        self.tagged.argtypes = self.untagged.argtypes = (*(_ARRAY,) * 2, *(_LENGTH,) * 3, *(_ARRAY,) * 2)
        self.level.restype = self.shape.restype = self.ranks.restype = None
        self.running.restype = self.tagged.restype = self.untagged.restype = None


def library_name() -> str:
    """Return the library's file name: another one for every state of its source and every kind of machine."""
    state = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    return f"window_sums-{state}-{sysconfig.get_platform()}.so"


def library_paths() -> tuple[Path, Path]:
    """Return where the library is looked for: beside its source (images), and in the environment (set-up)."""
    name = library_name()
    return SOURCE.with_name(name), Path(sys.prefix) / "lib" / "penstock" / name


@cache
def installed_library() -> NativeLibrary | None:
    """Return the library that was made at set-up, None where there is none that can be loaded."""
    for path in library_paths():
        try:
            return NativeLibrary(path)
        except OSError:
            continue
    return None


class _Process:
    """What was chosen for this process."""

    choice = KernelChoice.AUTO


def choose_kernel(choice: KernelChoice) -> None:
    """Let this process compute features so from now on. Raises FailedPrecondition EXTRA_UNAVAILABLE."""
    if choice is KernelChoice.NATIVE and installed_library() is None:
        raise FailedPrecondition(
            f"FEATURE_KERNEL=native needs the compiled kernel, which is not at {library_paths()[1]}: install a C "
            f"compiler and run {BUILD}, or set FEATURE_KERNEL=auto",
            reason="EXTRA_UNAVAILABLE",
        )
    _Process.choice = choice


def chosen_kernel() -> KernelChoice:
    """Return what was chosen for this process."""
    return _Process.choice


def native_library() -> NativeLibrary | None:
    """Return the library where this process computes with it."""
    return None if _Process.choice is KernelChoice.NUMPY else installed_library()


def kernel_name() -> str:
    """Return what this process computes features with: ``native`` or ``numpy``."""
    return (KernelChoice.NUMPY if native_library() is None else KernelChoice.NATIVE).value
