"""``penstock up``, ``down`` and ``status``."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.running_stores import named_stores
from penstock_cli.settings import DATABASE_SETTINGS, CliSettings
from penstock_cli.supervisor.banner import banner
from penstock_cli.supervisor.fork_server_launcher import ForkServerLauncher
from penstock_cli.supervisor.launch import Launcher, ProcessLauncher
from penstock_cli.supervisor.log_file import RotatingLog, is_standard_output
from penstock_cli.supervisor.output import Output, Sink
from penstock_cli.supervisor.port import PortReservation, port_problems
from penstock_cli.supervisor.process_supervisor import ProcessSupervisor
from penstock_cli.supervisor.restart import RestartRule, Restarts
from penstock_cli.supervisor.service import Service, as_workers, child_environment, services
from penstock_cli.supervisor.state import LOG_FILE, Home, ProcessId, SuiteState, identify, open_own
from penstock_cli.supervisor.supervisor import Supervisor
from penstock_cli.supervisor.worker_group import WorkerGroup
from penstock_cli.unfinished import require_whole
from penstock_cli.wrong_setting import doubtful, overridden, quick_problems
from penstock_kit.errors import PenstockError
from penstock_kit.installation import SECRET_FILE, ensure_secret

_DETACHED_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.05
_TAIL_BYTES: Final = 8_000
_SCHEMAS: Final = "penstock_cli.supervisor.record_schemas"


def up(settings: CliSettings) -> int:
    """Run the suite in the foreground until Ctrl-C or SIGTERM; return the exit code."""
    _refuse(quick_problems(settings), settings)
    home = Home(settings.home)
    home.prepare()
    lock = home.lock()
    require_whole(home.path)
    ports = PortReservation()
    group: WorkerGroup | None = None
    try:
        _end_leftovers(home)
        settings = ports.choose(settings)
        suite = services(settings)
        problems = port_problems(suite)
        if problems:
            raise CommandFailed(_listed(problems))
        if settings.workers > 1:
            group = WorkerGroup(settings)
            suite = as_workers(suite, group, settings.workers)
        supervisor = _supervisor(settings, suite, home)
        code = supervisor.run()
        if supervisor.misconfigured:
            _refuse(["a service does not accept its settings"], settings)
        return code
    finally:
        if group is not None:
            group.close()
        ports.close()
        os.close(lock)


def _refuse(found: Sequence[str], settings: CliSettings) -> None:
    """Name all that is wrong with the settings at once when anything was `found`; raises CommandFailed."""
    if found:
        from penstock_cli.wrong_setting import all_problems

        raise CommandFailed(_listed(all_problems(settings) or found), exit_code=2)


def _listed(problems: Sequence[str]) -> str:
    return "Penstock can't start:\n" + "\n".join(f"  {problem}" for problem in problems)


def up_detached(settings: CliSettings) -> int:
    """Run the suite in the background; return once it is ready. Its lines go to penstock.log in the home."""
    home = Home(settings.home)
    home.prepare()
    log = home.path / LOG_FILE
    with os.fdopen(open_own(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as sink:
        offset = sink.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock_cli", "up"],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = time.monotonic()
    own = identify(process.pid)
    _poll_until(lambda: process.poll() is not None or _is_ready(home, own), _DETACHED_SECONDS)
    if process.poll() is not None:
        sys.stderr.write(_tail(log, offset))
        return process.returncode or 1
    if not _is_ready(home, own):
        raise CommandFailed(f"not ready after {_DETACHED_SECONDS:.0f} s; it goes on, its lines are in {log}")
    text = banner(settings, seconds=time.monotonic() - started, detached=True)
    sys.stdout.write(f"{text}\n  Its lines are in {log}\n")
    return 0


def down(settings: CliSettings) -> int:
    """Stop the suite of this home, by force when it does not end in time. Nothing running is fine too."""
    home = Home(settings.home)
    state = home.read_state()
    if state is None or not state.supervisor.alive:
        _end_leftovers(home)
        sys.stdout.write(f"Penstock does not run on {settings.home}\n")
        return 0
    os.kill(state.supervisor.pid, 15)
    if not _poll_until(lambda: not state.supervisor.alive, settings.grace_seconds + 15):
        os.kill(state.supervisor.pid, 9)
        _end_leftovers(home)
    sys.stdout.write(f"Penstock on {settings.home} has stopped\n")
    return 0


def _sink(settings: CliSettings, home: Home) -> Sink:
    """Return where lines go: standard output, which is bounded when it is the log of the home."""
    log = home.path / LOG_FILE
    if not is_standard_output(log):
        return sys.stdout.buffer
    return RotatingLog(log, max_bytes=int(settings.log_max_mb * 1024 * 1024), files=settings.log_files)


def _supervisor(settings: CliSettings, suite: list[Service], home: Home) -> Supervisor:
    environment = child_environment(settings, secret_file=_secret_file(settings, home))
    colour = sys.stdout.isatty()
    if colour:
        environment.setdefault("PENSTOCK_LOG_FORMAT", "console")
    width = max(len(service.name) for service in suite)
    output = Output(_sink(settings, home), width=width, colour=colour)

    for line in (*doubtful(settings.values), *overridden(settings)):
        output.say(line)
    launcher = _launcher(settings, environment, output)
    in_files = not any(settings.text(name) or settings.text(f"{name}_FILE") for name in DATABASE_SETTINGS)

    def supervise(service: Service, number: int, on_change: Callable[[], object]) -> ProcessSupervisor:
        return ProcessSupervisor(
            service,
            launcher=launcher,
            output=output,
            prefix=output.prefix(service.name, number),
            restarts=Restarts(RestartRule(), random.random),
            on_change=on_change,
        )

    return Supervisor(
        services=suite,
        supervise=supervise,
        launcher=launcher,
        url=settings.local_url,
        home=home,
        identity=identify(os.getpid()),
        stores=named_stores(settings),
        output=output,
        banner=lambda seconds: banner(settings, seconds=seconds),
        grace_seconds=settings.grace_seconds,
        prepare=(lambda: _bring_schemas(launcher, output)) if in_files else (lambda: None),
    )


def _bring_schemas(launcher: Launcher, output: Output) -> None:
    """Bring the files of records to their newest schema in a process that ends: no service keeps what that takes."""
    if isinstance(launcher, ForkServerLauncher):
        maker = Service(
            name="schema", command=(sys.executable, "-m", _SCHEMAS), module=_SCHEMAS, listeners=(), health=""
        )
        child = launcher.launch(maker)
        if child.stdout is not None:
            output.pump(child.stdout, output.prefix(maker.name, 0))
        child.wait()


def _launcher(settings: CliSettings, environment: Mapping[str, str], output: Output) -> Launcher:
    """Return the launcher: forking from one process where that is safe, unless PENSTOCK_FORK=false."""
    plain = ProcessLauncher(environment)
    if sys.platform != "linux" or not settings.is_on("PENSTOCK_FORK", default=True):
        return plain
    return ForkServerLauncher(environment, fallback=plain, say=output.say)


def _secret_file(settings: CliSettings, home: Home) -> Path:
    """Return the file with what calls between the services carry; made at the first start."""
    file = Path(settings.text("PENSTOCK_SERVICE_SECRET_FILE") or home.path / SECRET_FILE)
    if not settings.text("PENSTOCK_SERVICE_SECRET"):
        try:
            ensure_secret(file)
        except PenstockError as error:
            raise CommandFailed(f"{error.message}; delete it to have a new one made") from None
        except OSError as error:
            raise CommandFailed(f"{file} can't be made: {error.strerror or error}") from None
    return file


def _end_leftovers(home: Home) -> None:
    """End services whose supervisor was killed: they would hold the ports."""
    state = home.read_state()
    if state is None or state.supervisor.alive:
        return
    left = _processes(state)
    for number in (15, 9):
        for process in left:
            if process.alive:
                os.kill(process.pid, number)
        if _poll_until(lambda: not any(process.alive for process in left), 10.0):
            return


def _processes(state: SuiteState) -> list[ProcessId]:
    return [service.process for service in state.services.values() if service.process is not None]


def _is_ready(home: Home, supervisor: ProcessId) -> bool:
    state = home.read_state()
    return state is not None and state.ready and state.supervisor.pid == supervisor.pid


def _poll_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _tail(log: Path, offset: int) -> str:
    with log.open("rb") as source:
        source.seek(max(offset, log.stat().st_size - _TAIL_BYTES))
        return source.read().decode(errors="replace")
