"""What is known of a running suite on disk: who holds the home, and which processes belong to it."""

import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from penstock_cli.command_name import command_name
from penstock_cli.failure import CommandFailed
from penstock_kit.home import close_home
from penstock_kit.plain_file import read_plain_file

LOCK_FILE: Final = "penstock.lock"
STATE_FILE: Final = "penstock.json"
LOG_FILE: Final = "penstock.log"
_LARGEST_STATE: Final = 1024 * 1024
_PROBE_BYTES: Final = 64 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process that can't be mistaken for a later one with the same number: `birth` is the kernel's start time."""

    pid: int
    birth: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return birth_of(self.pid) == self.birth and self.birth != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One service: `status` is starting, ready, restarting, stopped, failed or misconfigured.

    `start_time` is in Unix seconds, `ports` are by the settings that name them.
    """

    status: str
    process: ProcessId | None = None
    start_time: float = 0.0
    restarts: int = 0
    ports: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteState:
    """The whole suite. `stores`: what names its databases, without passwords; None when an earlier version wrote it."""

    supervisor: ProcessId
    url: str
    stores: Mapping[str, str] | None = None
    ready: bool = False
    services: Mapping[str, ServiceState] = field(default_factory=dict[str, ServiceState])

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the state that :meth:`to_json` wrote; raises KeyError or TypeError for anything else."""
        services = {name: _service(values) for name, values in data["services"].items()}
        supervisor = ProcessId(**data["supervisor"])
        stores = data.get("stores")
        return cls(supervisor=supervisor, url=data["url"], ready=data["ready"], services=services, stores=stores)

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON's own types."""
        return asdict(self)


def _service(values: dict[str, Any]) -> ServiceState:
    process = ProcessId(**values["process"]) if values["process"] else None
    return ServiceState(
        status=values["status"],
        process=process,
        start_time=values["start_time"],
        restarts=values["restarts"],
        ports=values.get("ports", {}),
    )


class Home:
    """PENSTOCK_HOME as the supervisor uses it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        """Make the folder and prove that it can be written; raises CommandFailed naming PENSTOCK_HOME otherwise."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            close_home(self.path)
            self._write_probe()
        except OSError as error:
            why = error.strerror or str(error)
            remedy = "free space there, or " if error.errno in _FULL else ""
            message = f"{self.path.absolute()} can't be written ({why}); {remedy}set PENSTOCK_HOME to a folder of yours"
            raise CommandFailed(message) from None

    def _write_probe(self) -> None:
        """Write what a start writes first: a full disk still takes files without content."""
        probe = self.path / f".write-test-{os.getpid()}"
        try:
            with os.fdopen(open_own(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb", buffering=0) as file:
                file.write(bytes(_PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)

    def lock(self, work: str = "") -> int:
        """Take the home for this process until it ends; raises CommandFailed when another has it.

        `work` is the command that takes it, said to those that come meanwhile; empty for `up`. Returns the descriptor
        that holds the lock: the kernel gives it back however the process ends.
        """
        descriptor = open_own(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, 64, 0).decode(errors="replace")
            os.close(descriptor)
            raise CommandFailed(_in_use(self.path, holder)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {work}".strip().encode() + b"\n", 0)
        return descriptor

    @property
    def locked(self) -> bool:
        """Whether a supervisor runs on this home."""
        try:
            descriptor = open_own(self.path / LOCK_FILE, os.O_RDONLY)
        except (OSError, CommandFailed):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def running_url(self) -> str:
        """Return where the gateway of the suite that runs on this home is, empty when none runs."""
        state = self.read_state()
        return state.url if state is not None and state.supervisor.alive else ""

    def write_state(self, state: SuiteState) -> None:
        """Replace the state file in one step. A full disk must not end the supervisor."""
        draft = self.path / f"{STATE_FILE}.new"
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
            with os.fdopen(open_own(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
                file.write(json.dumps(state.to_json(), indent=1))
            draft.replace(self.path / STATE_FILE)

    def read_state(self) -> SuiteState | None:
        """Return what a supervisor wrote last; None without any, or when it is damaged."""
        try:
            return SuiteState.from_json(json.loads(read_plain_file(self.path / STATE_FILE, most=_LARGEST_STATE)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def _in_use(home: Path, holder: str) -> str:
    """Return who has the home, by what `holder` wrote into the lock, and what to do."""
    pid, _, work = holder.strip().partition(" ")
    if work:
        return f"`{command_name()} {work}` works on {home} (process {pid}); wait for it"
    return (
        f"Penstock already runs on {home} (process {pid or 'unknown'}); stop it with `{command_name()} down`, "
        "or set PENSTOCK_HOME to another folder"
    )


def open_own(path: Path, flags: int) -> int:
    """Return a descriptor of a plain file in the home, made (mode 0600) when `flags` say so.

    Raises CommandFailed for a link, a pipe or a device in its place: somebody has put it there, and what is behind it
    would be written to. Raises OSError for what else can go wrong.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise CommandFailed(f"{path} is a symbolic link, which is not followed; delete it") from None
        if error.errno == errno.ENXIO:
            raise CommandFailed(f"{path} is no plain file; delete it") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise CommandFailed(f"{path} is no plain file; delete it")
    return descriptor


def birth_of(pid: int) -> str:
    """Return when the process was started, in the kernel's own words; empty when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _birth_by_ps(pid) if not Path("/proc/self/stat").exists() else ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def _birth_by_ps(pid: int) -> str:
    import subprocess

    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def identify(pid: int) -> ProcessId:
    """Return the identity of a running process."""
    return ProcessId(pid=pid, birth=birth_of(pid))


def resident_mb(pid: int) -> float | None:
    """Return the resident memory of a process in MB; None where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2
