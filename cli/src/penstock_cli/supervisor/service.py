"""The services of Penstock as processes: what to run, on which ports, with which environment."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from penstock_cli.settings import DEFAULT_PORTS, CliSettings, reachable
from penstock_cli.supervisor.worker_group import WorkerGroup
from penstock_kit.address import host_and_port

# How the runtimes of every child work; the container image sets the same. Without gRPC's EventEngine the thread that
# waits for completions reads the sockets itself, so a message wakes two threads instead of four: `python -m bench hop`.
# gRPC looks at it when it is imported. No child forks once gRPC runs in it, so gRPC need not watch for that (and say so
# in the log when a library starts a program). What malloc gets in one piece of 4 MiB and more (the memory of a
# password's hash, a table of rows) goes back to the kernel when it is freed: left to itself malloc takes pieces of up
# to 32 MiB from the heap once one was freed, and the heap keeps what lies below anything that is still in use.
RUNTIME_ENVIRONMENT: Final = {
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "4194304",
    "MALLOC_TRIM_THRESHOLD_": "4194304",
    "GRPC_EXPERIMENTS": "-event_engine_client,-event_engine_listener,-event_engine_for_all_other_endpoints",
    "GRPC_ENABLE_FORK_SUPPORT": "0",
}

# In the order in which they are needed; they start together and stop in reverse.
_GRPC_SERVICES: Final = ("cache", "feature", "llm", "chat-stream")
# The ports that only the services themselves use: what does not name one gets a free one.
SERVICE_PORTS: Final[Mapping[str, int]] = {
    name: port for name, port in DEFAULT_PORTS.items() if name != "PENSTOCK_HTTP_PORT"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port a service listens on, and the setting that changes it."""

    setting: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One child process, started by `command` or, forked, as the Python `module`.

    `health` is ``grpc`` (health check on the first port), ``http`` (``/ready`` there) or ``worker`` (it says in
    `worker_folder` that it listens, and ``/ready`` answers for all of them). One that is `after_others` can't be ready
    before all the others are, so it isn't asked before. `environment` is its own beside that of all services;
    `descriptors` are handed to it, each named by a setting.
    """

    name: str
    command: Sequence[str]
    listeners: Sequence[Listener]
    health: str
    after_others: bool = False
    module: str = ""
    bind_host: str = "127.0.0.1"
    host_setting: str = "PENSTOCK_SERVICE_BIND_HOST"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    descriptors: Mapping[str, int] = field(default_factory=dict[str, int])
    worker_folder: Path | None = None

    @property
    def ports(self) -> Mapping[str, int]:
        """Its ports by the settings that name them."""
        return {listener.setting: listener.port for listener in self.listeners}

    @property
    def host(self) -> str:
        """The address under which it is reached from this machine."""
        return reachable(self.bind_host)

    @property
    def port(self) -> int:
        """The port that is asked for its health."""
        return self.listeners[0].port


def services(settings: CliSettings) -> list[Service]:
    """Return the five services with the ports of `settings`."""
    return [*(_grpc_service(name, settings) for name in _GRPC_SERVICES), _gateway(settings)]


def as_workers(suite: Sequence[Service], group: WorkerGroup, count: int) -> list[Service]:
    """Return the suite with `count` gateways in the place of one, which share the sockets of `group`."""
    *others, gateway = suite
    workers = [
        replace(
            gateway,
            name=f"{gateway.name}-{slot}",
            health="worker",
            environment={"PENSTOCK_WORKER": str(slot), "PENSTOCK_WORKER_FOLDER": str(group.folder)},
            descriptors=group.descriptors(),
            worker_folder=group.folder,
        )
        for slot in range(1, count + 1)
    ]
    return [*others, *workers]


def child_environment(settings: CliSettings, *, secret_file: Path | None = None) -> dict[str, str]:
    """Return the environment of every child: that of `settings`, with home, addresses and secret spelt out.

    A service finds the others where their port settings put them, unless its ``…_ADDRESS`` says otherwise. What calls
    between them carry is in `secret_file`, unless the settings name a secret.
    """
    host = reachable(settings.service_host)
    environment = dict(RUNTIME_ENVIRONMENT)
    for name in _GRPC_SERVICES:
        prefix = _prefix(name)
        environment[f"{prefix}_ADDRESS"] = host_and_port(host, settings.port(f"{prefix}_PORT"))
    if secret_file is not None and not settings.text("PENSTOCK_SERVICE_SECRET"):
        environment["PENSTOCK_SERVICE_SECRET_FILE"] = str(secret_file.absolute())
    return {**environment, **settings.values, "PENSTOCK_HOME": str(settings.home.absolute())}


def _grpc_service(name: str, settings: CliSettings) -> Service:
    settings_named = (f"{_prefix(name)}_PORT", f"{_prefix(name)}_METRICS_PORT")
    module = f"{name.replace('-', '_')}_service"
    return Service(
        name=f"{name}-service",
        command=(sys.executable, "-m", module),
        listeners=_listeners(settings_named, settings),
        health="grpc",
        module=module,
        bind_host=settings.service_host,
    )


def _gateway(settings: CliSettings) -> Service:
    return Service(
        name="gateway",
        command=(sys.executable, "-m", "gateway"),
        listeners=_listeners(("PENSTOCK_HTTP_PORT",), settings),
        health="http",
        after_others=True,
        module="gateway",
        bind_host=settings.host,
        host_setting="PENSTOCK_BIND_HOST",
    )


def _listeners(names: Sequence[str], settings: CliSettings) -> list[Listener]:
    return [Listener(setting=name, port=settings.port(name)) for name in names]


def _prefix(name: str) -> str:
    return f"{name.replace('-', '_').upper()}_SERVICE"
