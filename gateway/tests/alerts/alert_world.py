"""A store with one channel and one alarm, gateways over it, and what they look at and send through."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.alerts.channels.channel import Channel, ChannelKind
from gateway.alerts.delivery_store import DeliveryStore
from gateway.alerts.devices import DeviceObservation
from gateway.alerts.evaluator import AlertEvaluator
from gateway.alerts.lease import LeaseStore
from gateway.alerts.message import Message, compose
from gateway.alerts.model import Alarm, AlertState, Change, Observation, Severity, Status, Watch
from gateway.alerts.notifier import Notifier
from gateway.alerts.secret_box import SecretBox
from gateway.alerts.store import AlertStore
from gateway.alerts.system import CheckReport, Finding
from gateway.monitoring.alert_metrics import AlertMetrics
from penstock_kit.database import Database
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp
from penstock_testkit.clock import ManualClock

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CHANNEL = Channel(
    id="chan_1", tenant_id="acme", name="team", kind=ChannelKind.WEBHOOK, url="https://x", create_time=NOW
)
ALARM = Alarm(
    id="alarm_1", tenant_id="acme", user_id="usr_1", name="hot", watch=Watch.ABOVE, device_codes=("WLD001",),
    field="temperature", limit=80, create_time=NOW,
)  # fmt: skip


class Devices:
    """Says of each device what the test wants."""

    def __init__(self) -> None:
        self.holds: bool | None = False
        self.fails = False
        self.value = 91.0
        self.meanwhile: Callable[[], Awaitable[None]] | None = None
        self.codes: Sequence[str] = ("WLD001",)
        self.breaks: frozenset[str] = frozenset()
        self.unknown: frozenset[str] = frozenset()
        self.firing: list[frozenset[str]] = []

    async def observe(self, alarm: Alarm, firing: frozenset[str], now: datetime) -> Sequence[DeviceObservation]:
        if self.fails:
            raise Unavailable("feature-service is away", reason="SERVICE_UNAVAILABLE")
        if alarm.id in self.breaks:
            raise RuntimeError("a bug")
        self.firing.append(firing)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return [
            DeviceObservation(device_code=code, last_seen=now, observation=self._found(code)) for code in self.codes
        ]

    def _found(self, code: str) -> Observation | None:
        if code in self.unknown:
            return None
        labels = {"device_code": code, "field": "temperature"}
        return Observation(holds=self.holds, value=self.value if self.holds else 20.0, labels=labels)


class System:
    """One finding about the disk, until it is gone; nothing while the check is away."""

    def __init__(self) -> None:
        self.holds: bool | None = False
        self.is_gone = self.is_away = False

    async def look(self) -> Sequence[CheckReport]:
        found = Finding(
            rule="DiskNearlyFull",
            subject="gateway",
            severity=Severity.WARNING,
            hold_seconds=0,
            observation=Observation(holds=self.holds, value=0.95),
            summary="95 % full.",
            summary_zh="已使用 95 %.",
        )
        disk = CheckReport(rules=frozenset({"DiskNearlyFull"}), findings=[] if self.is_gone else [found])
        return [] if self.is_away else [disk]


class Sender:
    """Keeps what is sent; fails as told."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[Message] = []
        self.failures: list[Exception] = list(failures)

    async def send(self, channel: Channel, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)


class Silent:
    """A receiver that never answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, channel: Channel, message: Message) -> None:
        self.asked.append(channel.id)
        await asyncio.Event().wait()


class Gateway(AlertEvaluator):
    """A gateway whose rounds end when everything they had to send is sent; it counts those that failed."""

    failures = 0

    @property
    def holder(self) -> str:
        return self._holder

    async def look(self) -> bool:
        """Evaluate, and leave what is being sent to itself."""
        return await super().evaluate()

    async def evaluate(self) -> bool:
        try:
            evaluated = await super().evaluate()
        except PenstockError:
            self.failures += 1
            raise
        await self._notifier.settle()
        return evaluated

    async def stop(self) -> None:
        """End as a kill does: nothing more is sent or noted."""
        await self._notifier.close(leave_seconds=0)


class World:
    """A store with one channel and one alarm, and gateways over it."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, ManualClock(start=NOW)
        self.devices, self.system, self.sender = Devices(), System(), Sender()
        self.store = AlertStore(database, SecretBox(("secret" * 8,)))
        self.registry = CollectorRegistry()
        self.metrics = AlertMetrics(self.registry)
        self.leases, self.deliveries = LeaseStore(database), DeliveryStore(database)
        self.senders: dict[ChannelKind, Any] = dict.fromkeys(ChannelKind, self.sender)

    def gateway(self, *, send_seconds: float = 30, seconds: float = 15) -> Gateway:
        notifier = Notifier(
            store=self.store,
            deliveries=self.deliveries,
            senders=self.senders,
            http=GuardedHttp(Destinations()),
            clock=self.clock,
            metrics=self.metrics,
            send_seconds=send_seconds,
        )
        return Gateway(
            store=self.store,
            leases=self.leases,
            deliveries=self.deliveries,
            system=self.system,
            devices=self.devices,
            notifier=notifier,
            clock=self.clock,
            metrics=self.metrics,
            seconds=seconds,
        )

    def gateway_after_the_other(self) -> Gateway:
        """Return a gateway that may evaluate at once, for the other's lease has ended."""
        self.clock.advance(61)
        return self.gateway()

    def told(self) -> list[str]:
        return [f"{message.change} {message.episode}" for message in self.sender.sent]


def message(device: str = "WLD001", language: Any = "en") -> Message:
    state = AlertState(
        fingerprint=f"alarm_1:{device}",
        tenant_id="acme",
        rule_id="alarm_1",
        rule_name=f"hot {device}",
        severity=Severity.CRITICAL,
        status=Status.FIRING,
        episode=3,
        since=NOW,
        fired_time=NOW,
        value=91.25,
        labels={"device_code": device, "field": "temperature", "last_seen": "2026-05-01 11:59:58 UTC"},
    )
    return compose(state, Change.FIRED, summary="", language=language, delivery_id="dlv_1", now=NOW)


def channel(kind: ChannelKind, **fields: Any) -> Channel:
    return Channel(id="chan_1", tenant_id="acme", name="team", kind=kind, create_time=NOW, **fields)
