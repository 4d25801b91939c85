"""Puts the application together from its resources."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from gateway.app import Frame, build_app
from gateway.auth.authenticator import Authenticator
from gateway.auth.bootstrap import signing_secret
from gateway.auth.guard import Guard
from gateway.auth.password import Passwords
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens
from gateway.clients import Clients
from gateway.middleware.measure import HttpMetrics
from gateway.openai.chat import PATH as CHAT_PATH
from gateway.openai.chat import ChatCompletions
from gateway.readiness import Readiness
from gateway.routes.conversations import ConversationRoutes
from gateway.routes.health import HealthRoutes
from gateway.routes.openai import OpenAiRoutes
from gateway.routes.streams import StreamRoutes
from gateway.settings import GatewaySettings
from gateway.streaming.relay import Relayer
from gateway.streaming.times import StreamTimes
from penstock_kit.clock import Clock
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The ASGI application and the switch that takes it out of rotation."""

    asgi: ASGIApp
    readiness: Readiness


def assemble(settings: GatewaySettings, resources: Resources) -> Application:
    """Return the application that `settings` and `resources` make."""
    clients = resources.clients
    tokens = access_tokens(settings, resources)
    guard = Guard(Authenticator(store=resources.store, tokens=tokens, clock=resources.clock))
    tickets = Tickets(clock=resources.clock)
    times = StreamTimes(
        hold=settings.hold_seconds,
        heartbeat=settings.heartbeat_seconds,
        completion=settings.completion_seconds,
        stream=settings.stream_seconds,
    )
    relayer = Relayer(streams=clients.streams, times=times)
    readiness = Readiness(clients=clients, ping_store=resources.store.ping)
    routers = (
        HealthRoutes(readiness=readiness, registry=resources.registry, version=VERSION).router,
        ConversationRoutes(conversations=clients.conversations, relayer=relayer, guard=guard).router,
        StreamRoutes(relayer=relayer, guard=guard, tickets=tickets).router,
        OpenAiRoutes(llm=clients.llm, guard=guard).router,
    )
    frame = Frame(
        metrics=HttpMetrics(resources.registry),
        tracing=resources.tracing,
        redactor=resources.redactor,
        origins=settings.origins(),
        max_body_bytes=settings.max_body_bytes,
        max_ingest_bytes=settings.max_ingest_bytes,
        access_log=settings.access_log,
    )
    hot = {("POST", CHAT_PATH): ChatCompletions(llm=clients.llm, guard=guard, times=times)}
    return Application(asgi=build_app(routers=routers, hot=hot, frame=frame), readiness=readiness)


def access_tokens(settings: GatewaySettings, resources: Resources) -> AccessTokens:
    """Return the issuer and verifier of access tokens; its secrets are masked in every log from here on."""
    current = signing_secret(resources.home, settings.jwt_secret.get_secret_value())
    secrets = tuple(filter(None, (current, settings.jwt_previous_secret.get_secret_value())))
    for secret in secrets:
        resources.redactor.register(secret)
    lifetime = timedelta(seconds=settings.access_token_seconds)
    return AccessTokens(secrets=secrets, lifetime=lifetime, clock=resources.clock)
