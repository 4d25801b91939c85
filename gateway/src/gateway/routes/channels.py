"""Who is told, how, and what was sent."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Response
from pydantic import Field, model_validator

from gateway.alerts.channels.channel import Channel, ChannelKind
from gateway.alerts.channels.email import RECIPIENT
from gateway.alerts.delivery_store import Delivery, DeliveryStore
from gateway.alerts.notifier import Notifier
from gateway.alerts.store import AlertStore, UnreadableChannel
from gateway.auth.guard import Guard
from gateway.auth.login_attempts import AttemptLimiter
from gateway.auth.scope import ADMIN, OPERATOR
from gateway.http.json import JsonResponse
from gateway.http.names import PlainName
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.clock import Clock
from penstock_kit.context import Caller, current_context
from penstock_kit.errors import PermissionDenied, ResourceExhausted
from penstock_kit.ids import new_id
from penstock_kit.role import includes

_MOST_CHANNELS: Final = 50
# Test messages a tenant sends in a minute: they go out at once and over the operator's mail server.
_MOST_TESTS: Final = 10
_HTTP: Final = frozenset({ChannelKind.DINGTALK, ChannelKind.WECOM, ChannelKind.WEBHOOK})


class ChannelBody(RequestModel):
    """Who is told, and how."""

    name: PlainName = Field(min_length=1, max_length=200)
    kind: ChannelKind
    language: Literal["en", "zh"] = "en"
    url: PlainName = Field(default="", max_length=2000, description="Of the robot or webhook; never shown again.")
    secret: str = Field(default="", max_length=256, description="Signs (DingTalk, webhook); never shown again.")
    previous_secret: str = Field(default="", max_length=256, description="Webhook: signs too while it is replaced.")
    recipients: list[Annotated[str, Field(pattern=f"^{RECIPIENT}$", max_length=254)]] = Field(
        default_factory=list, max_length=50
    )
    system: bool = Field(default=False, description="Also about the system itself; for operators.")

    @model_validator(mode="after")
    def _whole(self) -> "ChannelBody":
        if self.kind is ChannelKind.EMAIL and not self.recipients:
            raise ValueError("email needs recipients")
        if self.kind in _HTTP and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"{self.kind.value} needs the url of the robot or webhook")
        return self

    def to_channel(self, channel_id: str, caller: Caller, created: datetime) -> Channel:
        """Return the channel of `caller`'s tenant."""
        return Channel(
            id=channel_id,
            tenant_id=caller.tenant_id,
            name=self.name,
            kind=self.kind,
            language=self.language,
            url=self.url,
            secrets=tuple(filter(None, (self.secret, self.previous_secret))),
            recipients=tuple(self.recipients),
            options={"system": "true"} if self.system else {},
            create_time=created,
        )


class ChannelRoutes:
    """``/api/v1/channels`` and ``/api/v1/notifications``, for the administrators of a tenant."""

    def __init__(
        self, *, store: AlertStore, deliveries: DeliveryStore, notifier: Notifier, guard: Guard, clock: Clock
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._notifier = notifier
        self._clock = clock
        self._tests = AttemptLimiter(clock=clock, limit=_MOST_TESTS, what="test messages")
        self.router = api_router("alerts")
        admin = [Depends(guard.needs(ADMIN))]
        add(self.router, "GET /api/v1/channels", self.list_channels, dependencies=admin)
        add(self.router, "POST /api/v1/channels", self.create_channel, status_code=201, dependencies=admin)
        add(self.router, "PUT /api/v1/channels/{channel_id}", self.update_channel, dependencies=admin)
        add(
            self.router,
            "DELETE /api/v1/channels/{channel_id}",
            self.delete_channel,
            status_code=204,
            dependencies=admin,
        )
        add(self.router, "POST /api/v1/channels/{channel_id}/test", self.test_channel, dependencies=admin)
        add(self.router, "GET /api/v1/notifications", self.list_notifications, dependencies=admin)

    async def list_channels(self) -> Response:
        """List the tenant's channels; addresses of robots and secrets are not shown."""
        tenant_id = _caller().tenant_id
        shown = [channel_to_json(channel) for channel in await self._store.list_channels(tenant_id)]
        lost = [unreadable_to_json(channel) for channel in await self._store.list_unreadable_channels(tenant_id)]
        return JsonResponse({"channels": [*shown, *lost]})

    async def create_channel(self, body: ChannelBody) -> Response:
        """Add a channel: e-mail, DingTalk, WeCom or a signed webhook."""
        caller = _caller()
        _check_for_system(caller, body)
        if await self._store.count_channels(caller.tenant_id) >= _MOST_CHANNELS:
            raise ResourceExhausted(f"a tenant has at most {_MOST_CHANNELS} channels", reason="CHANNELS_LIMIT_EXCEEDED")
        channel = body.to_channel(new_id("chan"), caller, self._clock.now())
        self._notifier.require_reachable(channel)
        await self._store.put_channel(channel)
        return JsonResponse(channel_to_json(channel), 201)

    async def update_channel(self, channel_id: str, body: ChannelBody) -> Response:
        """Replace a channel, its address and secrets included."""
        caller = _caller()
        _check_for_system(caller, body)
        created = await self._store.channel_created(caller.tenant_id, channel_id)
        channel = body.to_channel(channel_id, caller, created)
        self._notifier.require_reachable(channel)
        await self._store.put_channel(channel)
        return JsonResponse(channel_to_json(channel))

    async def delete_channel(self, channel_id: str) -> Response:
        """Delete a channel."""
        await self._store.delete_channel(_caller().tenant_id, channel_id)
        return Response(status_code=204)

    async def test_channel(self, channel_id: str) -> Response:
        """Send a test message and say what the other side answered."""
        tenant_id = _caller().tenant_id
        channel = await self._store.channel(tenant_id, channel_id)
        self._tests.check(tenant_id)
        self._tests.record_failure(tenant_id)
        await self._notifier.test(channel)
        return JsonResponse({"delivered": True})

    async def list_notifications(self) -> Response:
        """List the newest hundred messages with their outcome."""
        found = await self._deliveries.list(_caller().tenant_id)
        return JsonResponse({"notifications": [delivery_to_json(delivery) for delivery in found]})


def channel_to_json(channel: Channel) -> dict[str, Any]:
    """Return a channel without what is secret of it."""
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind.value,
        "language": channel.language,
        "recipients": list(channel.recipients),
        "is_signed": bool(channel.secrets),
        "system": channel.options.get("system") == "true",
        "create_time": channel.create_time,
        "is_readable": True,
    }


def unreadable_to_json(channel: UnreadableChannel) -> dict[str, Any]:
    """Return a channel that can't be read any more: its id, to store it anew or to delete it."""
    return {"id": channel.id, "name": "", "kind": None, "create_time": channel.create_time, "is_readable": False}


def delivery_to_json(delivery: Delivery) -> dict[str, Any]:
    """Return a notification as the API shows it."""
    return {
        "id": delivery.id,
        "channel_id": delivery.channel_id,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "error": delivery.error or None,
        "title": delivery.message.title,
        "change": delivery.message.change,
        "fingerprint": delivery.message.fingerprint,
        "time": delivery.message.time,
    }


def _caller() -> Caller:
    return current_context().caller


def _check_for_system(caller: Caller, body: ChannelBody) -> None:
    if body.system and not includes(caller.scopes, OPERATOR):
        raise PermissionDenied("only an operator is told about the system itself", reason="SCOPE_REQUIRED")
