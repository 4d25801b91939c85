"""Makes the packages of an image small: what nothing of Penstock loads goes, and what stays keeps its behaviour.

``python slim.py SITE_PACKAGES`` is run with the interpreter of the environment, once, while the image is built. It
removes parts that only their makers or other databases need, the sources of compiled modules, copies of libraries that
are one file, and symbols for debuggers (where `strip` is installed). Bytecode is written for everything but the
packages of `LARGE`, of which most is never loaded: those get it for the modules that `LOADED` brings in, at import.
"""

import compileall
import filecmp
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

# Patterns below site-packages: other databases, stores of vendors, what is for tests, lists of what was installed
# (untrue by now), parts of scipy and scikit-learn that no detector loads.
UNUSED: Final = (
    "pyarrow/include",
    "pyarrow/src",
    "pyarrow/*flight*",
    "pyarrow/*s3*",
    "pyarrow/*orc*",
    "pyarrow/_acero*",
    "pyarrow/_dataset*",
    "pyarrow/_parquet_encryption*",
    "pyarrow/_pyarrow_cpp_tests*",
    "pyarrow/_substrait*",
    "duckdb/experimental",
    "jsonschema/benchmarks",
    "*.dist-info/RECORD",
    "numpy/_core/_simd*",
    "numpy/distutils",
    "numpy/random/_examples",
    "numpy/_core/_*_tests.*.so",
    "sqlalchemy/testing",
    "sqlalchemy/dialects/mysql",
    "sqlalchemy/dialects/mssql",
    "sqlalchemy/dialects/oracle",
    "scipy/cluster",
    "scipy/datasets",
    "scipy/fftpack",
    "scipy/io",
    "scipy/misc",
    "scipy/odr",
    "scipy/signal",
    "sklearn/cluster",
    "sklearn/cross_decomposition",
    "sklearn/datasets",
    "sklearn/feature_extraction",
    "sklearn/feature_selection",
    "sklearn/gaussian_process",
    "sklearn/impute",
    "sklearn/inspection",
    "sklearn/manifold",
    "sklearn/mixture",
    "sklearn/neural_network",
    "sklearn/semi_supervised",
    "alembic/testing",
    "joblib/test",
    *(f"{package}/**/tests" for package in ("google", "numpy", "pyarrow", "scipy", "sklearn")),
    *(
        f"{package}/tests"
        for package in ("aiosqlite", "certifi", "greenlet", "jsonschema", "jsonschema_specifications", "referencing")
    ),
)
SOURCES: Final = re.compile(r"\.(tp|pyx|pxd|pxi|pyi|c|cpp|h|hpp|a)$")
LARGE: Final = (
    "anthropic",
    "google/genai",
    "narwhals",
    "numpy",
    "openai",
    "pygments",
    "redis",
    "scipy",
    "sklearn",
    "sqlalchemy",
)
LOADED: Final = (
    "anthropic.resources.messages",
    "google.genai",
    "openai.resources.chat",
    "openai.resources.embeddings",
    "redis.asyncio",
    "sklearn.decomposition",
    "sklearn.ensemble",
    "rich.traceback",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.ext.asyncio",
)


def remove_unused(folder: Path) -> None:
    """Remove what `UNUSED` and `SOURCES` name."""
    for pattern in UNUSED:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for path in _files(folder):
        if SOURCES.search(path.name):
            path.unlink()


def link_copies(folder: Path) -> None:
    """Replace copies of a library that stand beside it (`x.so`, `x.so.2`, `x.so.2.1`) by links to the longest name."""
    for plain in sorted(folder.rglob("*.so")):
        named = sorted(plain.parent.glob(f"{plain.name}.*"), key=lambda path: len(path.name))
        for copy in [plain, *named][:-1]:
            if not copy.is_symlink() and filecmp.cmp(copy, named[-1], shallow=False):
                copy.unlink()
                copy.symlink_to(named[-1].name)


def strip_symbols(folder: Path) -> None:
    """Take the symbols for debuggers out of compiled modules; libraries in `*.libs`, which were moved, stay as is."""
    strip = shutil.which("strip")
    if strip is None:
        return
    libraries = [str(path) for path in _files(folder) if ".so" in path.suffixes and ".libs/" not in str(path)]
    for library in libraries:
        subprocess.run([strip, "--strip-unneeded", library], check=True)


def compile_loaded(folder: Path, modules: Sequence[str] = LOADED) -> None:
    """Write bytecode for all that may be loaded: whole packages, and of `LARGE` ones what `modules` bring in."""
    large = re.compile("|".join(re.escape(f"{folder}/{package}/") for package in LARGE))
    if not compileall.compile_dir(str(folder), quiet=1, rx=large, workers=0):
        raise SystemExit(f"not all of {folder} could be compiled")
    sys.dont_write_bytecode = False
    for module in modules:
        importlib.import_module(module)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def main(arguments: list[str]) -> int:
    """Make the folder small; return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("usage: slim.py SITE_PACKAGES\n")
        return 1
    folder = Path(arguments[0]).resolve()
    remove_unused(folder)
    link_copies(folder)
    strip_symbols(folder)
    compile_loaded(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
