"""The ports of a suite: those that settings name are checked, the others chosen, before anything is started."""

import errno
import socket
import sys
from collections.abc import Iterable

from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.service import SERVICE_PORTS, Service


class PortReservation:
    """Ports that this process keeps for its services, until :meth:`close`.

    On Linux a port is held by a socket that is bound and never listens: nobody is given it by the kernel, while the
    service, whose socket shares the address (SO_REUSEADDR), can listen on it, also when it is started again. A name in
    the abstract namespace keeps two supervisors from choosing the same. Elsewhere a port is only looked for.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def choose(self, settings: CliSettings) -> CliSettings:
        """Return `settings` with a port for every inner one that is not set: the documented one where it is free."""
        chosen: dict[str, str] = {}
        for name, preferred in SERVICE_PORTS.items():
            if not settings.text(name):
                taken = {int(port) for port in chosen.values()} | _named_ports(settings)
                chosen[name] = str(self._reserve(settings.service_host, 0 if preferred in taken else preferred))
        return settings.with_values(chosen)

    def close(self) -> None:
        """Give all of them back."""
        for held in self._held:
            held.close()
        self._held.clear()

    def _reserve(self, host: str, preferred: int) -> int:
        """Return a port that is now kept: `preferred` when it is free (0: any)."""
        if preferred and (port := self._hold(host, preferred)):
            return port
        while not (port := self._hold(host, 0)):
            pass
        return port

    def _hold(self, host: str, port: int) -> int:
        """Return the port that is kept, 0 when it is somebody else's."""
        bound = _socket(host)
        try:
            bound.bind((host, port))
            number = int(bound.getsockname()[1])
            if sys.platform == "linux":
                self._claim(number)
        except OSError:
            bound.close()
            return 0
        if sys.platform == "linux":
            self._held.append(bound)
        else:
            bound.close()
        return number

    def _claim(self, port: int) -> None:
        """Take the name of the port; raises OSError when another supervisor has it."""
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0penstock-port-{port}")
        except OSError:
            claim.close()
            raise
        self._held.append(claim)


def port_problems(services: Iterable[Service]) -> list[str]:
    """Return one line per port that can't be listened on: taken, not allowed, or given to two services."""
    problems: list[str] = []
    seen: dict[int, str] = {}
    for service in services:
        for listener in service.listeners:
            where = f"port {listener.port} ({listener.setting}, {service.name})"
            if seen.get(listener.port) == listener.setting:
                continue  # gateways that share it
            if listener.port in seen:
                problems.append(f"{where} is also {seen[listener.port]}: give one of them another port")
            elif (why := unusable(service.bind_host, listener.port, service.host_setting)) is not None:
                problems.append(f"{where} {why}; free it, or set {listener.setting} to another port")
            seen.setdefault(listener.port, listener.setting)
    return problems


def unusable(host: str, port: int, host_setting: str = "PENSTOCK_BIND_HOST") -> str | None:
    """Return why `host`:`port` can't be listened on, None when it can. `host_setting` is what names the host."""
    with _socket(host) as probe:
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return _why(error, host, host_setting)
    return None


def _socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _named_ports(settings: CliSettings) -> set[int]:
    return {
        settings.port("PENSTOCK_HTTP_PORT"),
        *(settings.port(name) for name in SERVICE_PORTS if settings.text(name)),
    }


def _why(error: OSError, host: str, host_setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another process"
    if error.errno == errno.EACCES:
        return "needs more rights than this user has"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"can't be opened, for this machine has no address {host} ({host_setting})"
    return f"can't be opened: {error.strerror or error}"
