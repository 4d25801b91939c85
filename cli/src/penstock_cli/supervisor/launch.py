"""How a service's process comes into being: the port, and the plain way."""

import subprocess
from collections.abc import Mapping
from typing import IO, Protocol

from penstock_cli.supervisor.service import Service


class Child(Protocol):
    """A running or ended process whose output comes through `stdout`."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes, standard error included."""
        ...

    def poll(self) -> int | None:
        """Return its exit code (minus the number of the signal that ended it), None while it runs."""
        ...

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM, if it still runs."""
        ...

    def kill(self) -> None:
        """Send SIGKILL, if it still runs."""
        ...


class Launcher(Protocol):
    """Makes processes of services, each in a process group of its own, so that Ctrl-C reaches only the supervisor."""

    def launch(self, service: Service) -> Child:
        """Start `service`."""
        ...

    def end_startup(self) -> None:
        """Give up what is only needed while many are started; :meth:`launch` still works."""
        ...


class ProcessLauncher:
    """Starts a new interpreter per service."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def launch(self, service: Service) -> Child:
        """Start `service`."""
        descriptors = {name: str(number) for name, number in service.descriptors.items()}
        return subprocess.Popen(
            service.command,
            env={**self._environment, **service.environment, **descriptors},
            pass_fds=tuple(service.descriptors.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def end_startup(self) -> None:
        """Nothing is held."""
