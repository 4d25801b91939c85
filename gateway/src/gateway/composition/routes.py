"""Every route of the gateway: the ordinary ones in FastAPI's routers, the hot ones as bare ASGI applications."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.types import ASGIApp

from gateway.auth.cost_limits import CostLimits
from gateway.auth.rebinding import RebindingGuard
from gateway.auth.scraper import ScraperGuard
from gateway.chat.endpoint import PATH as STREAM_CHAT_PATH
from gateway.chat.endpoint import StreamChatEndpoint
from gateway.composition.services import Resources, Services
from gateway.dialects.anthropic.endpoint import COUNT_PATH, MESSAGES_PATH, Messages, TokenCounts
from gateway.dialects.openai.endpoint import PATH as CHAT_PATH
from gateway.dialects.openai.endpoint import ChatCompletions
from gateway.dialects.responses.endpoint import PATH as RESPONSES_PATH
from gateway.dialects.responses.endpoint import Responses, socket_router
from gateway.mcp.server import McpServer
from gateway.routes.alertmanager import AlertmanagerRoutes
from gateway.routes.alerts import AlertRoutes
from gateway.routes.anomalies import AnomalyRoutes
from gateway.routes.audit import AuditRoutes
from gateway.routes.cache import CacheRoutes
from gateway.routes.channels import ChannelRoutes
from gateway.routes.clients import ClientRoutes
from gateway.routes.conversations import ConversationRoutes
from gateway.routes.costs import CostRoutes
from gateway.routes.dashboard import DashboardRoutes
from gateway.routes.data import DataRoutes
from gateway.routes.datasets import DatasetRoutes
from gateway.routes.engines import EngineRoutes
from gateway.routes.features import FeatureRoutes
from gateway.routes.health import HealthRoutes
from gateway.routes.influx import InfluxRoutes
from gateway.routes.keys import KeyRoutes
from gateway.routes.llm import ModelRoutes
from gateway.routes.login import LoginRoutes
from gateway.routes.mcp import McpRoutes
from gateway.routes.metadata import MetadataRoutes
from gateway.routes.monitoring import MonitoringRoutes
from gateway.routes.openai import OpenAiRoutes
from gateway.routes.pages import PageRoutes
from gateway.routes.personalities import PersonalityRoutes
from gateway.routes.plain import PlainRoute
from gateway.routes.plots import PlotRoutes
from gateway.routes.semantic_cache import SemanticCacheRoutes
from gateway.routes.single_sign_on import SingleSignOnRoutes
from gateway.routes.sockets import SocketRoutes
from gateway.routes.streams import StreamRoutes
from gateway.routes.users import UserRoutes
from gateway.settings import GatewaySettings
from penstock_kit.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The routers in the order in which the OpenAPI document lists them, and what is served past FastAPI.

    `hot` are the bare applications by method and path, `plain` what makes such a one of FastAPI's, for requests in
    their plainest form.
    """

    routers: Sequence[APIRouter]
    hot: Mapping[tuple[str, str], ASGIApp]
    plain: Mapping[tuple[str, str], Callable[[ASGIApp], ASGIApp]]


def build_routes(settings: GatewaySettings, resources: Resources, services: Services) -> Routes:
    """Return all routes."""
    clients, guard = resources.clients, services.guard
    metadata = MetadataRoutes(metadata=clients.metadata, guard=guard)
    data = DataRoutes(features=clients.features, guard=guard, active=services.active)
    features = FeatureRoutes(features=clients.features, guard=guard, active=services.active)
    plain = {**metadata.plain, **data.plain, **features.plain}
    routers = (
        *_account_routers(settings, resources, services),
        *_chat_routers(resources, services),
        *_model_routers(resources, services),
        _dashboard_router(resources, services),
        metadata.router,
        data.router,
        InfluxRoutes(features=clients.features, guard=guard).router,
        features.router,
        *_telemetry_routers(settings, resources, services),
        PageRoutes().router,
    )
    return Routes(
        routers=routers,
        hot=_hot_routes(resources, services),
        plain={key: partial(PlainRoute, requests=requests, guard=guard) for key, requests in plain.items()},
    )


def _hot_routes(resources: Resources, services: Services) -> Mapping[tuple[str, str], ASGIApp]:
    calls, guard = services.calls, services.guard
    return {
        ("POST", CHAT_PATH): ChatCompletions(calls=calls, guard=guard),
        ("POST", STREAM_CHAT_PATH): StreamChatEndpoint(responses=services.responses, guard=guard),
        ("POST", MESSAGES_PATH): Messages(calls=calls, guard=guard),
        ("POST", RESPONSES_PATH): Responses(calls=calls, guard=guard),
        ("POST", COUNT_PATH): TokenCounts(llm=resources.clients.llm, guard=guard, timeouts=services.timeouts),
    }


def _account_routers(settings: GatewaySettings, resources: Resources, services: Services) -> Sequence[APIRouter]:
    guard, limits = services.guard, CostLimits(resources.clients.costs)
    external = SingleSignOnRoutes(
        single_sign_on=services.external_sign_ins.single_sign_on,
        handover=services.external_sign_ins.handover,
        sessions=services.sessions,
        recorder=services.recorder,
        with_password=settings.password_sign_in,
    )
    return (
        HealthRoutes(
            readiness=services.readiness,
            registry=services.monitoring.metrics,
            version=VERSION,
            scraper=ScraperGuard(guard, _rebinding_guard(settings), everybody=settings.metrics_access == "everybody"),
        ).router,
        LoginRoutes(
            sessions=services.sessions, users=services.users, guard=guard, with_password=settings.password_sign_in
        ).router,
        external.router,
        external.pages,
        KeyRoutes(
            api_keys=services.api_keys,
            delegation=services.delegation,
            costs=resources.clients.costs,
            limits=limits,
            guard=guard,
        ).router,
        UserRoutes(users=services.users, limits=limits, guard=guard).router,
        AuditRoutes(store=services.audit, guard=guard).router,
    )


def _chat_routers(resources: Resources, services: Services) -> Sequence[APIRouter]:
    clients, guard, tickets, responses = resources.clients, services.guard, services.tickets, services.responses
    return (
        ConversationRoutes(conversations=clients.conversations, responses=responses, guard=guard).router,
        StreamRoutes(responses=responses, guard=guard, tickets=tickets).router,
        SocketRoutes(
            conversations=clients.conversations,
            responses=responses,
            guard=guard,
            tickets=tickets,
            monitor=services.monitor,
        ).router,
        ClientRoutes(
            registrations=clients.registrations,
            timeouts=services.timeouts,
            heartbeats=services.heartbeats,
            guard=guard,
            tickets=tickets,
            monitor=services.monitor,
        ).router,
        EngineRoutes(engines=clients.engines, guard=guard).router,
        PersonalityRoutes(engines=clients.engines, guard=guard).router,
    )


def _model_routers(resources: Resources, services: Services) -> Sequence[APIRouter]:
    clients, guard = resources.clients, services.guard
    return (
        OpenAiRoutes(llm=clients.llm, guard=guard, timeouts=services.timeouts).router,
        socket_router(),
        ModelRoutes(llm=clients.llm, guard=guard).router,
        CostRoutes(costs=clients.costs, guard=guard, budget_access=services.budget_access).router,
        MonitoringRoutes(llm=clients.llm, processes=clients.processes, guard=guard).router,
        CacheRoutes(cache=clients.cache, owners=clients.warmups, guard=guard).router,
        SemanticCacheRoutes(cache=clients.cache, guard=guard).router,
    )


def _dashboard_router(resources: Resources, services: Services) -> APIRouter:
    return DashboardRoutes(
        dashboard=services.monitoring.dashboard,
        broadcast=services.monitoring.broadcast,
        costs=resources.clients.costs,
        guard=services.guard,
        tickets=services.tickets,
        monitor=services.monitor,
        clock=resources.clock,
    ).router


def _telemetry_routers(settings: GatewaySettings, resources: Resources, services: Services) -> Sequence[APIRouter]:
    clients, guard = resources.clients, services.guard
    return (
        AnomalyRoutes(features=clients.features, guard=guard, active=services.active).router,
        PlotRoutes(features=clients.features, guard=guard, active=services.active).router,
        DatasetRoutes(features=clients.features, guard=guard, active=services.active).router,
        AlertRoutes(store=services.alerts.store, features=clients.features, guard=guard, clock=resources.clock).router,
        AlertmanagerRoutes(inbound=services.alerts.inbound, guard=guard, clock=resources.clock).router,
        ChannelRoutes(
            store=services.alerts.store,
            deliveries=services.alerts.deliveries,
            notifier=services.alerts.notifier,
            guard=guard,
            clock=resources.clock,
        ).router,
        McpRoutes(
            server=McpServer(tools=clients.tools, version=VERSION),
            guard=guard,
            rebinding=_rebinding_guard(settings),
        ).router,
    )


def _rebinding_guard(settings: GatewaySettings) -> RebindingGuard:
    return RebindingGuard(hosts=settings.own_hosts(), origins=settings.origins())
