"""The gateway process, from its settings to its end."""

import asyncio
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from gateway.auth.bootstrap import FirstAdmin, ensure_admin
from gateway.auth.password import Passwords
from gateway.composition.app import assemble
from gateway.composition.clients import open_clients
from gateway.composition.services import Resources
from gateway.composition.stores import open_stores
from gateway.composition.work_limits import WorkLimits
from gateway.connection.listener import Application, Listener, PortTaken, bind
from gateway.settings import GatewaySettings
from penstock_kit.clock import SystemClock
from penstock_kit.database import prepare_schema
from penstock_kit.grpc.process import run_service
from penstock_kit.home import ensure_home
from penstock_kit.installation import installation_secret
from penstock_kit.logging import configure_logging, get_logger
from penstock_kit.settings import load
from penstock_kit.telemetry import LoopLag, ProcessMetrics, configure_tracing

SERVICE: Final = "gateway"
MIGRATIONS: Final = Path(__file__).parent / "migrations"

log = get_logger(__name__)


def run() -> None:
    """Run the gateway until it is told to stop. Exit code 2: wrong settings or a port in use."""
    settings = load(GatewaySettings)
    try:
        bound = bind(settings.host, settings.http_port)
    except PortTaken as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    run_service(lambda stop: serve(settings, bound, stop))


async def serve(settings: GatewaySettings, bound: socket.socket, stop: asyncio.Event) -> None:
    """Serve on the bound socket until `stop` is set, then drain."""
    redactor = configure_logging(SERVICE, settings.log_level, settings.log_format)
    secret = await installation_secret(settings)
    if secret:
        redactor.register(secret)
    tracing = configure_tracing(SERVICE, settings.otlp_endpoint)
    registry = CollectorRegistry()
    ProcessMetrics(registry, SERVICE)
    LoopLag(registry, SERVICE).start()
    home = ensure_home(settings.home)
    clock = SystemClock()
    stores = open_stores(settings)
    store = stores.identities
    passwords = Passwords()
    chosen = FirstAdmin(password=settings.admin_password.get_secret_value(), key=settings.admin_key.get_secret_value())
    clients = open_clients(
        llm=settings.llm_address,
        chat=settings.chat_address,
        feature=settings.feature_address,
        cache=settings.cache_address,
        secret=secret,
        multiplex=settings.multiplex_calls,
    )
    limits = WorkLimits(clients, settings.overload_delay, registry)
    application = assemble(
        settings,
        Resources(
            home=home, store=store, passwords=passwords, clients=clients, clock=clock,
            registry=registry, tracing=tracing, redactor=redactor, limits=limits.all,
        ),
    )  # fmt: skip
    shared = bool(settings.database_url.get_secret_value())
    admitting = partial(
        ensure_admin, store=store, passwords=passwords, clock=clock, home=home, chosen=chosen, shared=shared
    )
    try:
        schema = prepare_schema(stores.database, settings.store_url(), MIGRATIONS, then=admitting)
        async with limits.running(), schema:
            await _listener(settings, application, bound).serve(stop)
    finally:
        await clients.close()
        await stores.database.close()
        tracing.shutdown()


def _listener(settings: GatewaySettings, application: Application, bound: socket.socket) -> Listener:
    return Listener(
        application,
        bound,
        grace_seconds=settings.grace_seconds,
        trusted_proxies=settings.trusted_proxies,
        limits=settings.http_limits(),
        max_connections=settings.max_connections,
    )
