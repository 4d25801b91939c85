"""The gateway process: settings → telemetry → stores and clients → application → serve."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from gateway.auth.password import Passwords
from gateway.composition.app import assemble
from gateway.composition.clients import open_clients
from gateway.composition.services import Resources
from gateway.composition.stores import open_stores, prepare_stores
from gateway.composition.work_limits import WorkLimits
from gateway.connection.listener import Application, Listener, PortTaken, adopt, bind
from gateway.settings import GatewaySettings
from gateway.workers.group import WorkerGroup
from penstock_kit.bootstrap import start_runtime
from penstock_kit.clock import SystemClock
from penstock_kit.database.metrics import DatabaseMetrics
from penstock_kit.grpc.process import run_service
from penstock_kit.home import ensure_home
from penstock_kit.settings import load
from penstock_kit.telemetry import serve_metrics

SERVICE: Final = "gateway"
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def run() -> None:
    """Run the gateway until it is told to stop. Exit code 2: wrong settings or a port in use."""
    settings = load(GatewaySettings)
    try:
        bound = open_socket(settings)
    except PortTaken as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    run_service(lambda stop: serve(settings, bound, stop))


def open_socket(settings: GatewaySettings) -> socket.socket:
    """Return the socket to serve on: one that `penstock up` has opened for several gateways, or one of this gateway."""
    if settings.listen_fd is not None:
        return adopt(settings.listen_fd)
    return bind(settings.host, settings.http_port)


async def serve(settings: GatewaySettings, bound: socket.socket, stop: asyncio.Event) -> None:
    """Serve on the bound socket until `stop` is set, then drain."""
    passwords, clock = Passwords(), SystemClock()
    async with (
        start_runtime(SERVICE, settings) as runtime,
        open_stores(settings) as stores,
        open_clients(settings, secret=runtime.secret) as clients,
    ):
        home = ensure_home(settings.home)
        group = WorkerGroup.join(settings.worker_folder, settings.worker) if settings.worker_folder else None
        DatabaseMetrics(runtime.registry, SERVICE, stores.database.counts)
        limits = WorkLimits(clients, settings.overload_delay, runtime.registry)
        resources = Resources(
            home=home, store=stores.identities, database=stores.database, passwords=passwords, clients=clients,
            clock=clock, registry=runtime.registry, tracing=runtime.tracing, redactor=runtime.redactor,
            limits=limits.all, group=group,
        )  # fmt: skip
        application = assemble(settings, resources)
        listener = build_listener(settings, application, bound, group)
        prepared = prepare_stores(settings, stores, MIGRATIONS, passwords=passwords, clock=clock, home=home)
        async with limits.running(), prepared, _metrics_port(settings, application.metrics or runtime.registry):
            await listener.serve(stop)


@asynccontextmanager
async def _metrics_port(settings: GatewaySettings, registry: CollectorRegistry) -> AsyncGenerator[None]:
    """Serve /metrics on the port for scrapers, where one is set, until the block ends."""
    if not settings.metrics_port:
        yield
        return
    shared = None if settings.metrics_fd is None else adopt(settings.metrics_fd)
    server = await serve_metrics(registry, settings.host, settings.metrics_port, shared=shared)
    try:
        yield
    finally:
        await server.close()


def build_listener(
    settings: GatewaySettings, application: Application, bound: socket.socket, group: WorkerGroup | None = None
) -> Listener:
    """Return the listener that serves `application` on the bound socket, which the workers of a `group` share."""
    return Listener(
        application,
        bound,
        grace_seconds=settings.grace_seconds,
        trusted_proxies=settings.trusted_proxies,
        limits=settings.http_limits(),
        max_connections=settings.connection_limit(),
        shared=settings.listen_fd is not None,
        on_listening=(lambda: None) if group is None else (lambda: group.mark_listening(os.getpid())),
    )
