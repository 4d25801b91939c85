"""Child processes and ports of the servers that tests start."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from penstock_testkit.waiting import HANG_SECONDS

Server = TypeVar("Server")


def free_port() -> int:
    """A TCP port of the loopback interface that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports of the loopback interface that were free a moment ago."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def docker_answers() -> bool:
    """Whether a Docker engine answers `docker info` within 2 s."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=HANG_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def in_container(start: Callable[[], Server]) -> Server | None:
    """Start a server in a container; None when the engine has no image of it and can't get one."""
    from docker.errors import DockerException

    try:
        return start()
    except DockerException as error:
        sys.stderr.write(f"no container: {error}\n")
        return None


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll `ready` every 10 ms; raise TimeoutError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} was not ready within {seconds:g} s")
        time.sleep(0.01)


def accepts(port: int) -> bool:
    """Whether something listens on the loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
        return True
    return False


@dataclass(slots=True)
class ServerProcess:
    """A server's process with the faults a test may want: kill it, hang it, let it go on."""

    process: "subprocess.Popen[bytes]"
    scratch: Path

    def kill(self) -> None:
        """SIGKILL: gone at once."""
        self.process.kill()
        self.process.wait(timeout=HANG_SECONDS)

    def hang(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `hang`."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its files."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=HANG_SECONDS)
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)
