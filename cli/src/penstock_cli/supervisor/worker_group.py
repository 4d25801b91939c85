"""What several gateways behind one port share: sockets that this process has opened, and a folder."""

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings

_BACKLOG: Final = 2048
# Memory where there is such a folder: what is in it is written each second and is of no use after the end.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it, mode 0700
_METRICS_PORT: Final = "GATEWAY_METRICS_PORT"
_PREFIX: Final = "penstock-workers-"
_LOCK: Final = "supervisor.lock"


class WorkerGroup:
    """Listens on the port as long as the system runs. Gateways come and go; who connects meanwhile waits in the queue.

    One socket for all: with one each (SO_REUSEPORT) a gateway that ends takes the connections in its queue with it.
    """

    def __init__(self, settings: CliSettings) -> None:
        port = settings.port("PENSTOCK_HTTP_PORT")
        self._sockets = {"PENSTOCK_LISTEN_FD": _listening(settings.host, port, "PENSTOCK_HTTP_PORT")}
        metrics = settings.text(_METRICS_PORT)
        if metrics.isdigit() and int(metrics):  # what is no port the gateway itself says
            self._sockets["PENSTOCK_METRICS_FD"] = _listening(settings.host, int(metrics), _METRICS_PORT)
        place = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else settings.home
        _clear_leftovers(place)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        draft = self.folder / f".{_LOCK}"
        self._lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        draft.rename(self.folder / _LOCK)  # nobody finds it before it is held

    def descriptors(self) -> Mapping[str, int]:
        """Return the sockets by the settings that name them to a gateway."""
        return {name: opened.fileno() for name, opened in self._sockets.items()}

    def close(self) -> None:
        """Give up the sockets and the folder."""
        for opened in self._sockets.values():
            opened.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _clear_leftovers(place: Path) -> None:
    """Delete the folders of supervisors that were killed: nobody holds their locks any more."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # another user's, or not ready yet
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(descriptor)


def _listening(host: str, port: int, setting: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise CommandFailed(f"port {port} ({setting}) can't be listened on: {error.strerror or error}") from None
    return made
