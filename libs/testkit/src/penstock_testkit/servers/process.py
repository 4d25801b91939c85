"""Child processes and ports of the servers that tests start."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from penstock_testkit.waiting import HANG_SECONDS

Server = TypeVar("Server")

# Below the ports that a system gives to whoever asks for any one (from 32768 on Linux, from 49152 elsewhere), and to
# connections: what was free stays free until the server that it was meant for listens.
_FIRST_PORT: Final = 10_000
_END_OF_PORTS: Final = 32_000
# Ports that this process keeps from other tests: each by a UDP socket of the same number, which ends with the process.
_CLAIMS: Final = 256
_claims: deque[int] = deque()
# Not Hypothesis' own, which begins anew with each example.
_random = random.Random()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, and that no other test is given."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Distinct ports as :func:`free_port` gives them."""
    ports: list[int] = []
    while len(ports) < count:
        port = _random.randrange(_FIRST_PORT, _END_OF_PORTS)
        if (claim := _claim(port)) is None:
            continue
        if len(_claims) == _CLAIMS:
            os.close(_claims.popleft())
        _claims.append(claim)
        ports.append(port)
    return ports


def _claim(port: int) -> int | None:
    """Return the descriptor of what keeps other tests, in whatever process, from the port; None when it is taken."""
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return None
    # A socket object would complain at the end of the process that nobody closed it.
    return claim.detach()


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
