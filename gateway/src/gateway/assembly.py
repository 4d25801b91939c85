"""Puts the application together from its resources."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from gateway.anthropic.surface import COUNT_PATH, MESSAGES_PATH, Messages, TokenCounts
from gateway.app import Frame, build_app
from gateway.auth.authenticator import Authenticator
from gateway.auth.bootstrap import signing_secret
from gateway.auth.budget_reach import BudgetReach
from gateway.auth.claim import CacheClaims
from gateway.auth.cost_limits import CostLimits
from gateway.auth.delegation import Delegation
from gateway.auth.directory import Directory
from gateway.auth.guard import Guard
from gateway.auth.keyring import Keyring
from gateway.auth.login_brake import LoginBrake
from gateway.auth.password import Passwords
from gateway.auth.scraper import ScraperGuard
from gateway.auth.session import Sessions
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens
from gateway.clients import Clients
from gateway.completion.call import ModelCalls
from gateway.mcp.rebinding import RebindingGuard
from gateway.mcp.server import McpServer
from gateway.middleware.measure import HttpMetrics
from gateway.middleware.overload import BusyService
from gateway.openai.chat import PATH as CHAT_PATH
from gateway.openai.chat import ChatCompletions
from gateway.readiness import Readiness
from gateway.responses.surface import PATH as RESPONSES_PATH
from gateway.responses.surface import Responses, socket_router
from gateway.routes.cache import CacheRoutes
from gateway.routes.clients import ClientRoutes
from gateway.routes.conversations import ConversationRoutes
from gateway.routes.costs import CostRoutes
from gateway.routes.data import INGEST_PATH, DataRoutes
from gateway.routes.datasets import DatasetRoutes
from gateway.routes.engines import EngineRoutes
from gateway.routes.features import FeatureRoutes
from gateway.routes.health import HealthRoutes
from gateway.routes.keys import KeyRoutes
from gateway.routes.login import LoginRoutes
from gateway.routes.mcp import McpRoutes
from gateway.routes.metadata import MetadataRoutes
from gateway.routes.models import ModelRoutes
from gateway.routes.monitoring import MonitoringRoutes
from gateway.routes.openai import OpenAiRoutes
from gateway.routes.pages import PageRoutes
from gateway.routes.personalities import PersonalityRoutes
from gateway.routes.sockets import SocketRoutes
from gateway.routes.streams import StreamRoutes
from gateway.routes.users import UserRoutes
from gateway.settings import GatewaySettings
from gateway.streaming.asking import PATH as ASKING_PATH
from gateway.streaming.asking import Asking
from gateway.streaming.departure import Running
from gateway.streaming.heartbeats import Heartbeats
from gateway.streaming.relay import Relayer
from gateway.streaming.times import StreamTimes
from penstock_kit.clock import Clock
from penstock_kit.overload import LoadShedder
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing

VERSION: Final = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the application is made of and does not own."""

    home: Path
    store: SqlIdentityStore
    passwords: Passwords
    clients: Clients
    clock: Clock
    registry: CollectorRegistry
    tracing: Tracing
    redactor: Redactor
    shedder: LoadShedder
    behind: Sequence[BusyService] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The ASGI application, the switch that takes it out of rotation, and its answers under way."""

    asgi: ASGIApp
    readiness: Readiness
    running: Running


def assemble(settings: GatewaySettings, resources: Resources) -> Application:
    """Return the application that `settings` and `resources` make."""
    clients, clock, store = resources.clients, resources.clock, resources.store
    secrets = signing_secrets(settings, resources)
    lifetime = timedelta(seconds=settings.access_token_seconds)
    tokens = AccessTokens(secrets=secrets, lifetime=lifetime, clock=clock)
    authenticator = Authenticator(store=store, tokens=tokens, clock=clock)
    guard = Guard(authenticator)
    times = StreamTimes(
        hold=settings.hold_seconds,
        heartbeat=settings.heartbeat_seconds,
        completion=settings.completion_seconds,
        stream=settings.stream_seconds,
        resume=settings.resume_seconds,
    )
    running, heartbeats = Running(), Heartbeats()
    relayer = Relayer(streams=clients.streams, times=times, running=running, heartbeats=heartbeats)
    readiness = Readiness(clients=clients, ping_store=store.ping)
    limits = CostLimits(clients.costs)
    delegation = Delegation(store=store, limits=limits)
    directory = Directory(
        store=store, passwords=resources.passwords, authenticator=authenticator, delegation=delegation, clock=clock
    )
    sessions = Sessions(
        store=store,
        passwords=resources.passwords,
        tokens=tokens,
        clock=clock,
        lifetime=timedelta(seconds=settings.refresh_token_seconds),
        brake=LoginBrake(clock=clock),
    )
    tickets = Tickets(
        secrets=secrets, claims=CacheClaims(clients.cache, clock), renewed=authenticator.renewed, clock=clock
    )
    monitor = SessionMonitor(store=store, clock=clock)
    keyring = Keyring(store=store, authenticator=authenticator, delegation=delegation, clock=clock)
    reach = BudgetReach(limits=limits, delegation=delegation, keyring=keyring, directory=directory, store=store)
    routers = (
        HealthRoutes(
            readiness=readiness,
            registry=resources.registry,
            version=VERSION,
            scraper=ScraperGuard(guard, everybody=settings.metrics_access == "everybody"),
        ).router,
        LoginRoutes(sessions=sessions, directory=directory, guard=guard).router,
        KeyRoutes(keyring=keyring, delegation=delegation, costs=clients.costs, guard=guard).router,
        UserRoutes(directory=directory, guard=guard).router,
        ConversationRoutes(conversations=clients.conversations, relayer=relayer, guard=guard).router,
        StreamRoutes(relayer=relayer, guard=guard, tickets=tickets).router,
        SocketRoutes(
            conversations=clients.conversations, relayer=relayer, guard=guard, tickets=tickets, monitor=monitor
        ).router,
        ClientRoutes(
            registrations=clients.registrations,
            times=times,
            heartbeats=heartbeats,
            guard=guard,
            tickets=tickets,
            monitor=monitor,
        ).router,
        EngineRoutes(engines=clients.engines, guard=guard).router,
        PersonalityRoutes(engines=clients.engines, guard=guard).router,
        OpenAiRoutes(llm=clients.llm, guard=guard, times=times).router,
        socket_router(),
        ModelRoutes(llm=clients.llm, guard=guard).router,
        CostRoutes(costs=clients.costs, guard=guard, reach=reach).router,
        MonitoringRoutes(llm=clients.llm, processes=clients.processes, guard=guard).router,
        CacheRoutes(cache=clients.cache, guard=guard).router,
        MetadataRoutes(metadata=clients.metadata, guard=guard).router,
        DataRoutes(features=clients.features, guard=guard).router,
        FeatureRoutes(features=clients.features, guard=guard).router,
        DatasetRoutes(features=clients.features, guard=guard, running=running).router,
        McpRoutes(
            server=McpServer(tools=clients.tools, version=VERSION),
            guard=guard,
            rebinding=RebindingGuard(hosts=settings.own_hosts(), origins=settings.origins()),
        ).router,
        PageRoutes().router,
    )
    frame = Frame(
        metrics=HttpMetrics(resources.registry),
        tracing=resources.tracing,
        redactor=resources.redactor,
        origins=settings.origins(),
        max_body_bytes=settings.max_body_bytes,
        max_ingest_bytes=settings.max_ingest_bytes,
        ingest_path=INGEST_PATH,
        access_log=settings.access_log,
        shedder=resources.shedder,
        behind=resources.behind,
    )
    calls = ModelCalls(llm=clients.llm, times=times, running=running, heartbeats=heartbeats)
    hot: dict[tuple[str, str], ASGIApp] = {
        ("POST", CHAT_PATH): ChatCompletions(calls=calls, guard=guard),
        ("POST", ASKING_PATH): Asking(relayer=relayer, guard=guard),
        ("POST", MESSAGES_PATH): Messages(calls=calls, guard=guard),
        ("POST", RESPONSES_PATH): Responses(calls=calls, guard=guard),
        ("POST", COUNT_PATH): TokenCounts(llm=clients.llm, guard=guard, times=times),
    }
    return Application(asgi=build_app(routers=routers, hot=hot, frame=frame), readiness=readiness, running=running)


def signing_secrets(settings: GatewaySettings, resources: Resources) -> tuple[str, ...]:
    """Return what tokens and tickets are signed with, the current secret first; masked in every log from here on."""
    current = signing_secret(resources.home, settings.jwt_secret.get_secret_value())
    secrets = tuple(filter(None, (current, settings.jwt_previous_secret.get_secret_value())))
    for secret in secrets:
        resources.redactor.register(secret)
    return secrets
