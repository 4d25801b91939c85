"""Checks of the machine: Python, packages, disk, memory, limits."""

import importlib.util
import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from penstock_cli.container import contained_service, memory_left_mb
from penstock_cli.doctor.finding import Finding, Need
from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home
from penstock_cli.unfinished import require_whole

_PACKAGES: Final = ("cache_service", "feature_service", "llm_service", "chat_stream_service", "gateway")
_MINIMUM_PYTHON: Final = (3, 11)
_NEEDED_DISK_MB: Final = 200
_GOOD_DISK_MB: Final = 2_000
_GOOD_MEMORY_MB: Final = 1_000
_GOOD_MEMORY_ALONE_MB: Final = 64
# They keep nothing in the home, which need not be there.
_WITHOUT_STATE: Final = ("cache-service",)
_GOOD_FILES: Final = 4_096
_MB: Final = 1024**2


def check_machine(settings: CliSettings) -> Iterator[Finding]:
    """Yield what this machine offers."""
    yield _python()
    yield _packages()
    yield _protobuf()
    yield _feature_kernel()
    contained = contained_service(settings)
    if contained is None or contained.name not in _WITHOUT_STATE:
        yield _home(settings)
        yield _disk(settings)
    yield from _memory(alone=contained is not None)
    yield _files()


def _python() -> Finding:
    enough = sys.version_info >= _MINIMUM_PYTHON
    wanted = ".".join(map(str, _MINIMUM_PYTHON))
    detail = f"{platform.python_version()} at {sys.executable}"
    return Finding(
        need=Need.REQUIRED, name="Python", ok=enough, detail=detail, remedy=f"install Python {wanted} or newer"
    )


def _packages() -> Finding:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    detail = f"missing: {', '.join(missing)}" if missing else "all five services are installed"
    return Finding(need=Need.REQUIRED, name="services", ok=not missing, detail=detail, remedy="run `make setup`")


def _protobuf() -> Finding:
    from google.protobuf.internal import api_implementation

    kind = api_implementation.Type()
    remedy = "install protobuf with its binary extension; each message costs ten times as much without"
    return Finding(need=Need.RECOMMENDED, name="protobuf", ok=kind == "upb", detail=f"runs on {kind}", remedy=remedy)


def _feature_kernel() -> Finding:
    from feature_service.domain.feature.native_library import BUILD, installed_library

    found = installed_library() is not None
    detail = "native" if found else "numpy: the same features, in more than twice the time"
    remedy = f"install a C compiler and run {BUILD}"
    return Finding(need=Need.OPTIONAL, name="feature kernel", ok=found, detail=detail, remedy=remedy)


def _home(settings: CliSettings) -> Finding:
    path = settings.home.absolute()
    existed = path.exists()
    try:
        Home(settings.home).prepare()
        require_whole(settings.home)
    except CommandFailed as failure:
        remedy = "do what it says, or set PENSTOCK_HOME to a folder of yours"
        return Finding(need=Need.REQUIRED, name="PENSTOCK_HOME", ok=False, detail=failure.message, remedy=remedy)
    if not existed:
        _remove_empty(path)
    return Finding(need=Need.REQUIRED, name="PENSTOCK_HOME", ok=True, detail=f"{path} can be written")


def _remove_empty(path: Path) -> None:
    if not any(path.iterdir()):
        path.rmdir()


def _disk(settings: CliSettings) -> Finding:
    folder = settings.home.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free // _MB
    need = Need.REQUIRED if free < _NEEDED_DISK_MB else Need.RECOMMENDED
    remedy = f"free some space: under {_NEEDED_DISK_MB} MB writes will soon fail, {_GOOD_DISK_MB} MB are comfortable"
    return Finding(
        need=need, name="disk", ok=free >= _GOOD_DISK_MB, detail=f"{free} MB free at {folder}", remedy=remedy
    )


def _memory(*, alone: bool) -> Iterator[Finding]:
    """What is available, to the container where it has a limit; `alone` is one service in it."""
    left = memory_left_mb()
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return
    line = next((line for line in text.splitlines() if line.startswith("MemAvailable:")), "MemAvailable: 0 kB")
    free = int(line.split()[1]) // 1024
    good, whom = (_GOOD_MEMORY_ALONE_MB, "one service") if alone else (_GOOD_MEMORY_MB, "five services")
    detail = f"{free} MB available"
    if left is not None and left < free:
        free, detail = left, f"{left} MB left of the container's limit"
    remedy = f"{good} MB are comfortable for {whom} and what is cached"
    yield Finding(need=Need.RECOMMENDED, name="memory", ok=free >= good, detail=detail, remedy=remedy)


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    remedy = f"`ulimit -n {_GOOD_FILES}` for a thousand streams at a time (the hard limit is {hard})"
    detail = "unlimited" if unlimited else f"{soft} open files"
    ok = unlimited or soft >= _GOOD_FILES
    return Finding(need=Need.OPTIONAL, name="open files", ok=ok, detail=detail, remedy=remedy)
