"""What the routes call: identities, tickets, readiness, model calls and chat streams."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from gateway.alerts.secret_box import SecretBox
from gateway.audit.recorder import AuditRecorder
from gateway.audit.store import AuditStore
from gateway.auth.admin_files import AdminFiles
from gateway.auth.api_keys import ApiKeyService
from gateway.auth.authenticator import Authenticator, Headers
from gateway.auth.bootstrap import signing_secret
from gateway.auth.budget_access import BudgetAccess
from gateway.auth.cluster_attempts import ClusterAttempts
from gateway.auth.cost_limits import CostLimits
from gateway.auth.delegation import Delegation
from gateway.auth.guard import Guard
from gateway.auth.kept_answers import KeptAnswers
from gateway.auth.login_attempts import LoginAttemptLimiter
from gateway.auth.password import Passwords
from gateway.auth.session import Sessions
from gateway.auth.session_monitor import SessionMonitor
from gateway.auth.sql_store import SqlIdentityStore
from gateway.auth.ticket import Tickets
from gateway.auth.token import AccessTokens, credentials_error
from gateway.auth.used_tickets import ClusterUsedTickets
from gateway.auth.users import UserService
from gateway.chat.sse_response import SseResponseFactory
from gateway.composition.alerts import Alerts, build_alerts
from gateway.composition.clients import Clients
from gateway.composition.single_sign_on import ExternalSignIns, build_external_sign_ins
from gateway.health.readiness import Readiness
from gateway.http.disconnect import ActiveResponses, Interrupt
from gateway.http.heartbeats import Heartbeats
from gateway.http.timeouts import StreamTimeouts
from gateway.middleware.overload import LimitedWork
from gateway.model_call.call import ModelCalls
from gateway.monitoring.alert_metrics import AlertMetrics
from gateway.monitoring.broadcast import FrameBroadcast
from gateway.monitoring.dashboard import Dashboard
from gateway.monitoring.disk_metrics import DiskMetrics
from gateway.monitoring.history_store import HistoryStore
from gateway.monitoring.machine_metrics import MachineMetrics
from gateway.monitoring.machine_traffic import MachineTraffic, TrafficView
from gateway.monitoring.sampler import Sampler
from gateway.monitoring.sign_ins import SignInMetrics
from gateway.monitoring.traffic import Traffic
from gateway.monitoring.traffic_metrics import TrafficMetrics
from gateway.settings import GatewaySettings
from gateway.workers.group import WorkerGroup
from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.database import Database
from penstock_kit.ids import new_id
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from penstock.cache.v1.cache_pb2_grpc import CacheServiceAsyncStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What the application is made of and does not own."""

    home: Path
    store: SqlIdentityStore
    passwords: Passwords
    database: Database
    clients: Clients
    clock: Clock
    registry: CollectorRegistry
    tracing: Tracing
    redactor: Redactor
    limits: Sequence[LimitedWork] = ()
    group: WorkerGroup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """What counts requests, samples the figures and shows them; `metrics` is what a scrape is answered with."""

    metrics: CollectorRegistry
    traffic: Traffic
    sampler: Sampler
    dashboard: Dashboard
    broadcast: FrameBroadcast


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The use cases behind the routes."""

    guard: Guard
    tenant_of: Callable[[Headers], str]
    delegation: Delegation
    users: UserService
    api_keys: ApiKeyService
    sessions: Sessions
    external_sign_ins: ExternalSignIns
    tickets: Tickets
    monitor: SessionMonitor
    budget_access: BudgetAccess
    readiness: Readiness
    timeouts: StreamTimeouts
    heartbeats: Heartbeats
    active: ActiveResponses
    responses: SseResponseFactory
    calls: ModelCalls
    monitoring: Monitoring
    alerts: Alerts
    audit: AuditStore
    kept_answers: KeptAnswers
    recorder: AuditRecorder


def build_services(settings: GatewaySettings, resources: Resources) -> Services:
    """Return the use cases that `settings` and `resources` make."""
    clients, clock, store = resources.clients, resources.clock, resources.store
    secrets = signing_secrets(settings, resources)
    tokens = AccessTokens(secrets=secrets, lifetime=timedelta(seconds=settings.access_token_seconds), clock=clock)
    generation = None if resources.group is None else resources.group.generation
    authenticator = Authenticator(store=store, tokens=tokens, clock=clock, generation=generation)
    cluster, box = ClusterAttempts(clients.cache, clock), SecretBox(secrets)
    limits, used = CostLimits(clients.costs), ClusterUsedTickets(clients.cache, clock)
    delegation = Delegation(store=store, limits=limits)
    users = UserService(
        store=store, passwords=resources.passwords, authenticator=authenticator, delegation=delegation, clock=clock,
        cluster=cluster, files=AdminFiles(resources.home),
    )  # fmt: skip
    api_keys = ApiKeyService(store=store, authenticator=authenticator, delegation=delegation, clock=clock)
    monitor = SessionMonitor(store=store, clock=clock)

    def watch(interrupt: Interrupt) -> AbstractContextManager[object]:
        return monitor.watch(current_context().caller, "", lambda: interrupt(credentials_error()))

    readiness = Readiness(
        llm=clients.llm,
        chat=clients.streams,
        features=clients.features,
        cache=clients.cache,
        ping_store=store.ping,
    )
    monitoring = build_monitoring(resources)
    audit = AuditStore(resources.database, kept_days=settings.audit_days)
    timeouts, active, heartbeats = build_timeouts(settings), ActiveResponses(watch), Heartbeats()
    return Services(
        guard=Guard(authenticator),
        tenant_of=authenticator.remembered_tenant,
        delegation=delegation,
        users=users,
        api_keys=api_keys,
        sessions=Sessions(
            store=store,
            passwords=resources.passwords,
            tokens=tokens,
            clock=clock,
            lifetime=timedelta(seconds=settings.refresh_token_seconds),
            attempts=LoginAttemptLimiter(clock=clock),
            cluster=cluster,
            on_login=SignInMetrics(resources.registry).record,
            on_end=authenticator.forget,
        ),
        external_sign_ins=build_external_sign_ins(
            settings,
            database=resources.database,
            store=store,
            authenticator=authenticator,
            used=used,
            close=box.close,
            open=box.open,
            clock=clock,
        ),
        tickets=Tickets(
            secrets=secrets,
            used=used,
            revalidate=authenticator.revalidate,
            clock=clock,
        ),
        monitor=monitor,
        budget_access=BudgetAccess(limits=limits, delegation=delegation, api_keys=api_keys, users=users, store=store),
        readiness=readiness,
        timeouts=timeouts,
        heartbeats=heartbeats,
        active=active,
        responses=SseResponseFactory(streams=clients.streams, timeouts=timeouts, active=active, heartbeats=heartbeats),
        calls=ModelCalls(llm=clients.llm, timeouts=timeouts, active=active, heartbeats=heartbeats),
        monitoring=monitoring,
        alerts=build_alerts(
            settings,
            database=resources.database,
            secrets=secrets,
            clients=clients,
            readiness=readiness,
            samples=monitoring.sampler.samples,
            clock=clock,
            home=resources.home,
            metrics=AlertMetrics(resources.registry),
        ),
        audit=audit,
        kept_answers=KeptAnswers(
            resources.database, clock=clock, hours=settings.kept_answer_hours, close=box.close, open=box.open
        ),
        recorder=AuditRecorder(audit, clock),
    )


def build_monitoring(resources: Resources) -> Monitoring:
    """Return what counts requests, samples the figures and shows them."""
    clock, cache = resources.clock, resources.clients.cache
    traffic = Traffic(clock)
    TrafficMetrics(resources.registry, traffic)
    DiskMetrics(resources.registry, resources.home)
    group = resources.group
    seen: TrafficView = traffic if group is None else MachineTraffic(traffic, group)
    sampler = Sampler(traffic=seen, cache=cache, store=build_history_store(cache, group), clock=clock)
    metrics = resources.registry
    if group is not None and isinstance(seen, MachineTraffic):
        metrics = CollectorRegistry()
        machine = MachineMetrics(resources.registry, group)
        metrics.register(machine)
        sampler.before_sample.extend((seen.exchange, machine.publish_now_and_then))
        sampler.on_end.extend((seen.exchange, machine.publish))
    dashboard = Dashboard(sampler=sampler, traffic=seen, clock=clock)
    broadcast = FrameBroadcast(dashboard)
    sampler.on_sample.append(broadcast.publish)
    return Monitoring(metrics=metrics, traffic=traffic, sampler=sampler, dashboard=dashboard, broadcast=broadcast)


def build_history_store(cache: "CacheServiceAsyncStub", group: WorkerGroup | None) -> HistoryStore:
    """Return where the minutes are kept: workers of one machine are one gateway there, and the oldest writes."""
    if group is None:
        return HistoryStore(cache, new_id("gw"))
    return HistoryStore(cache, group.name, writes=lambda: group.presence.is_oldest)


def build_timeouts(settings: GatewaySettings) -> StreamTimeouts:
    """Return how long streams and completions wait for what."""
    return StreamTimeouts(
        hold=settings.hold_seconds,
        heartbeat=settings.heartbeat_seconds,
        completion=settings.completion_seconds,
        stream=settings.stream_seconds,
        resume=settings.resume_seconds,
    )


def signing_secrets(settings: GatewaySettings, resources: Resources) -> tuple[str, ...]:
    """Return what tokens and tickets are signed with, the current secret first; masked in every log from here on."""
    current = signing_secret(resources.home, settings.jwt_secret.get_secret_value())
    secrets = tuple(filter(None, (current, settings.jwt_previous_secret.get_secret_value())))
    for secret in secrets:
        resources.redactor.register(secret)
    return secrets
