"""Finds taken ports before anything is started, and names the settings that change them."""

import errno
import socket
from collections.abc import Iterable

from penstock_cli.supervisor.service import Service


def port_problems(host: str, services: Iterable[Service]) -> list[str]:
    """Return one line per port that can't be listened on: taken, not allowed, or given to two services."""
    problems: list[str] = []
    seen: dict[int, str] = {}
    for service in services:
        for listener in service.listeners:
            where = f"port {listener.port} ({listener.setting}, {service.name})"
            if listener.port in seen:
                problems.append(f"{where} is also {seen[listener.port]}: give one of them another port")
            elif (why := unusable(host, listener.port)) is not None:
                problems.append(f"{where} {why}; free it, or set {listener.setting} to another port")
            seen.setdefault(listener.port, listener.setting)
    return problems


def unusable(host: str, port: int) -> str | None:
    """Return why `host`:`port` can't be listened on, None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return _why(error, host)
    return None


def _why(error: OSError, host: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is in use by another process"
    if error.errno == errno.EACCES:
        return "needs more rights than this user has"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"can't be opened, for this machine has no address {host} (PENSTOCK_BIND_HOST)"
    return f"can't be opened: {error.strerror or error}"
