"""Forking services from one process: real modules in a folder of the test's own."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from penstock_cli.supervisor.fork_server_launcher import ForkServerLauncher
from penstock_cli.supervisor.launch import Child, ProcessLauncher
from penstock_cli.supervisor.service import Service

MODULES = {
    "tiny": """
import atexit, os, signal, sys, time
atexit.register(lambda: print("farewell", flush=True))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print(os.getpid(), os.getppid(), os.getpgid(0), __name__, sys.argv, "grpc" in sys.modules, flush=True)
print("to stderr", file=sys.stderr, flush=True)
while True:
    # Not an event's wait: a signal between two of its lines leaves its lock unlocked, and the exit is another error's.
    time.sleep(0.05)
""",
    "brief": "print('done')",
    "broken": "raise ValueError('no good')",
}

# Starts a service as `penstock up` would, tells its process id and goes on until it is killed.
SUPERVISOR = """
import os, sys, threading
from penstock_cli.supervisor.launch import ProcessLauncher
from penstock_cli.supervisor.fork_server_launcher import ForkServerLauncher
from penstock_cli.supervisor.service import Service
environment = {{"PATH": os.environ["PATH"], "PYTHONPATH": {path!r}}}
launcher = ForkServerLauncher(environment, fallback=ProcessLauncher(environment), say=print)
child = launcher.launch(Service(name="tiny", command=(), listeners=(), health="grpc", module="tiny"))
child.stdout.readline()
{rest}
print(child.pid, flush=True)
threading.Event().wait()
"""

Make = Callable[..., "Recorded"]


class Recorded:
    """A launcher that closes what its children wrote to."""

    def __init__(self, launcher: ForkServerLauncher) -> None:
        self.launcher = launcher
        self.children: list[Child] = []

    def launch(self, service: Service) -> Child:
        self.children.append(self.launcher.launch(service))
        return self.children[-1]

    def close(self) -> None:
        self.launcher.end_startup()
        for child in self.children:
            child.kill()
            child.wait()
            if child.stdout is not None:
                child.stdout.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    made: list[Recorded] = []

    def launcher(said: list[str] | None = None, **environment: str) -> Recorded:
        variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), **environment}
        say = (said if said is not None else []).append
        made.append(Recorded(ForkServerLauncher(variables, fallback=ProcessLauncher(variables), say=say)))
        return made[-1]

    yield launcher
    for each in made:
        each.close()


def service(module: str) -> Service:
    return Service(name=module, command=(sys.executable, "-m", module), listeners=(), health="grpc", module=module)


def read_line(child: Child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().decode().rstrip()


def test_services_are_forked_from_one_process_that_has_imported_what_is_common(make: Make) -> None:
    launcher = make()
    children = [launcher.launch(service("tiny")) for _ in range(2)]
    lines = [read_line(child).split(" ", 5) for child in children]
    assert [int(line[0]) for line in lines] == [child.pid for child in children]
    assert lines[0][1] == lines[1][1] == str(os.getpid())
    assert lines[0][2] == lines[0][0]  # a process group of its own
    assert lines[0][3] == "__main__"
    assert lines[0][5] == "True"
    for child in children:
        assert read_line(child) == "to stderr"
        child.terminate()
        assert child.wait() == 7
        assert read_line(child) == "farewell"


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server runs on Linux only")
def test_a_forked_service_shows_up_under_its_own_name(make: Make) -> None:
    child = make().launch(service("tiny"))
    read_line(child)
    assert psutil.Process(child.pid).cmdline()[-2:] == ["-m", "tiny"]
    child.kill()
    assert child.wait() == -signal.SIGKILL


def test_ends_are_told_with_their_code(make: Make) -> None:
    launcher = make()
    for module, code, said in (("brief", 0, b"done\n"), ("broken", 1, b"ValueError: no good\n"), ("absent", 1, b"")):
        child = launcher.launch(service(module))
        assert child.wait() == code
        assert child.poll() == code
        assert child.stdout is not None
        assert child.stdout.read().endswith(said)
        child.kill()  # of one that has ended: nothing happens


def test_services_go_on_when_the_fork_server_ends_and_the_next_one_starts_by_itself(make: Make) -> None:
    launcher = make()
    forked = launcher.launch(service("tiny"))
    assert read_line(forked).endswith("True")
    assert read_line(forked) == "to stderr"
    launcher.launcher.end_startup()
    assert forked.poll() is None
    plain = launcher.launch(service("tiny"))
    assert read_line(plain).endswith("False")  # whether grpc is there already
    assert read_line(plain) == "to stderr"
    for child in (forked, plain):
        child.terminate()
        assert child.wait() == 7
        assert child.poll() == 7
        assert read_line(child) == "farewell"


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server runs on Linux only")
@pytest.mark.parametrize("resting", [False, True])
def test_when_the_supervisor_is_killed_its_services_are_told_to_end(make: Make, tmp_path: Path, resting: bool) -> None:
    make()  # for the modules
    code = SUPERVISOR.format(path=str(tmp_path), rest="launcher.end_startup()" if resting else "")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        descriptor = os.pidfd_open(int(supervisor.stdout.readline()))
        supervisor.kill()
    ended, _, _ = select.select([descriptor], [], [], 15)
    os.close(descriptor)
    assert ended


def test_without_a_fork_server_each_service_starts_by_itself(make: Make, tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError('not for this machine')")
    said: list[str] = []
    child = make(said).launch(service("brief"))
    assert child.wait() == 0
    assert child.stdout is not None
    assert child.stdout.read() == b"done\n"
    assert said == [
        "the services can't be forked from one process (that one has ended); each takes more memory of its own"
    ]
