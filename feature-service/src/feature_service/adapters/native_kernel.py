"""Makes the library of the native feature kernel: python -m feature_service.adapters.native_kernel [--beside].

Set-up runs it. Without a C compiler, or when anything goes wrong, it says so in a line, and features are computed by
NumPy, the same but slower. With --beside the library lies beside its source and not in the environment, for images.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from feature_service.domain.feature.native_library import SOURCE, NativeLibrary, library_paths

COMPILERS: Final = ("cc", "gcc", "clang")
FLAGS: Final = (
    "-std=gnu11",
    "-O3",
    "-ffp-contract=off",
    "-fopenmp-simd",
    "-fPIC",
    "-shared",
    "-Wno-psabi",
)
_SECONDS: Final = 120
"""How long a compiler may take (usually one second, on a machine with other work many)."""


class CompilationError(Exception):
    """No library could be made; says why in one line."""


def compile_library(path: Path, compilers: Sequence[str] = COMPILERS, extra: Sequence[str] = ()) -> None:
    """Make the library at `path` by the first of these compilers that there is. Raises CompilationError."""
    compiler = next(filter(None, map(shutil.which, compilers)), None)
    if compiler is None:
        raise CompilationError("there is no C compiler")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = Path(folder) / path.name
            command = [compiler, *FLAGS, *extra, "-o", str(made), str(SOURCE.resolve())]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
            if done.returncode:
                raise CompilationError(f"{compiler} failed: {_first_line(done.stderr)}")
            _require_same(made)
            made.replace(path)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompilationError(str(error)) from None


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line] or text.splitlines()
    return lines[0].strip() if lines else "it says nothing"


def _require_same(path: Path) -> None:
    """Raise CompilationError unless the library finds, to the bit, what NumPy does."""
    library = NativeLibrary(path)
    for size in (1, 7, 8, 129, 1000):
        if not _agrees(library, size):
            raise CompilationError(f"what the compiler made computes windows of {size} rows otherwise than NumPy")


def _agrees(library: NativeLibrary, size: int) -> bool:
    import numpy as np

    from feature_service.domain.feature.native_block import NativeBlock
    from feature_service.domain.feature.shared_rows import LEAST_SHARED
    from feature_service.domain.feature.window_block import QUARTILES, WindowBlock

    # Full mantissas without a generator: the fractions of multiples of an irrational number.
    values = (np.arange(4.0 * size) * np.sqrt(2.0)) % 1.0 - 0.4
    starts = np.arange(0, 3 * size, 1 + size // 8, dtype=np.int64)
    windows = np.stack([values[start : start + size] for start in starts])
    positions = np.arange(size, dtype=np.float64)
    ours, numpy = (
        NativeBlock(library, values, starts, values=windows, positions=positions),
        WindowBlock(windows, positions),
    )
    names = ("sums", "energy", "lowest", "highest", "zero_crossings", "variation", "third", "fourth", "rise", "lagged")
    if size % 2 == 0:
        starts = np.arange(0, 2 * size, size // 2, dtype=np.int64)
        windows = np.stack([values[start : start + size] for start in starts])
        halved = NativeBlock(library, values, starts, values=windows, positions=positions, step=size // 2)
        found, wanted = halved.neighbours(size // 3), WindowBlock(windows, positions).neighbours(size // 3)
        if not np.array_equal(found, wanted):
            return False
    step = max(1, size // LEAST_SHARED)
    starts = np.arange(0, 3 * size, step, dtype=np.int64)
    windows = np.stack([values[start : start + size] for start in starts])
    shared = NativeBlock(library, values, starts, values=windows, positions=positions, step=step)
    places = [int(share * (size - 1)) for share in QUARTILES]
    if any(not np.array_equal(shared.neighbours(at), WindowBlock(windows, positions).neighbours(at)) for at in places):
        return False
    return all(getattr(ours, name).tobytes() == getattr(numpy, name).tobytes() for name in (*names, "mean_crossings"))


def main() -> int:
    """Make the library unless it is there; print what features are computed with."""
    beside, environment = library_paths()
    path = beside if "--beside" in sys.argv[1:] else environment
    if not path.exists():
        try:
            compile_library(path)
        except CompilationError as error:
            print(f"Features are computed by NumPy: {error}")
            return 0
    for other in path.parent.glob("window_sums-*.so"):
        if other != path:
            other.unlink(missing_ok=True)
    print("Features are computed by the native kernel")
    return 0


if __name__ == "__main__":
    sys.exit(main())
