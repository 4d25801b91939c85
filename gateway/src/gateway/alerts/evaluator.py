"""Evaluates all rules and alarms, at one gateway at a time."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Protocol

from gateway.alerts.delivery_store import DeliveryStore
from gateway.alerts.devices import DeviceObservation
from gateway.alerts.evaluation import advance
from gateway.alerts.lease import LeaseLostError, LeaseStore
from gateway.alerts.message import Message, compose
from gateway.alerts.model import Alarm, AlertState, Change, Observation, Status, Watch
from gateway.alerts.notifier import Notifier
from gateway.alerts.store import AlertStore
from gateway.alerts.system import CheckReport, Finding
from gateway.alerts.turns import TenantTurns
from gateway.monitoring.alert_metrics import AlertMetrics
from penstock_kit.clock import Clock
from penstock_kit.errors import PenstockError
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from gateway.alerts.channels.channel import Channel

log = get_logger(__name__)

OPERATORS: Final = "default"
SYSTEM_RULES: Final = "system:"
# Rules on the system that are one tenant's affair too: its budgets.
TENANT_RULES: Final = "tenant:"
# The lease lasts four rounds, at least this long; a round takes two thirds of it at most.
_LEASE_SECONDS: Final = 10.0
_LEASE_ROUNDS: Final = 4
_ROUND_SHARE: Final = 2 / 3
_KEPT_DAYS: Final = 30
_GONE: Final = Observation(holds=False)
# Alarms that are judged at once, and what one of them may take.
_AT_ONCE: Final = 8
_ALARM_SECONDS: Final = 10.0


class SystemLook(Protocol):
    """Looks at the system itself."""

    async def look(self) -> Sequence[CheckReport]:
        """Return what each check found; those that could not be made are left out."""
        ...


class DeviceLook(Protocol):
    """Looks at what alarms watch."""

    async def observe(self, alarm: Alarm, firing: frozenset[str], now: datetime) -> Sequence[DeviceObservation]:
        """Return what `alarm` finds on each of its devices; `firing` are those on which it fires already."""
        ...


@dataclass(slots=True, kw_only=True)
class Round:
    """What one evaluation changed, to be stored at once."""

    now: datetime
    states: Mapping[str, AlertState]
    channels: Sequence["Channel"]
    changed: list[AlertState] = field(default_factory=list["AlertState"])
    messages: list[tuple["Channel", Message]] = field(default_factory=list["tuple[Channel, Message]"])
    _by_rule: dict[str, list[AlertState]] = field(init=False)

    def __post_init__(self) -> None:
        self._by_rule = {}
        for state in self.states.values():
            self._by_rule.setdefault(state.rule_id, []).append(state)

    def of_rule(self, rule_id: str) -> Sequence[AlertState]:
        """Return what was known of the alerts of a rule when the round began."""
        return self._by_rule.get(rule_id, ())


class AlertEvaluator:
    """Every `seconds` one gateway of all looks at everything, stores what changed and sends what is due.

    The others wait for the lease; one that stood still past its own writes and sends nothing more. A rule that fails
    costs itself: its alerts stay as they are.
    """

    def __init__(
        self,
        *,
        store: AlertStore,
        leases: LeaseStore,
        deliveries: DeliveryStore,
        system: SystemLook,
        devices: DeviceLook,
        notifier: Notifier,
        clock: Clock,
        metrics: AlertMetrics,
        seconds: float,
    ) -> None:
        self._store = store
        self._leases = leases
        self._deliveries = deliveries
        self._system = system
        self._devices = devices
        self._notifier = notifier
        self._clock = clock
        self._metrics = metrics
        self._seconds = seconds
        self._lease_seconds = max(_LEASE_SECONDS, _LEASE_ROUNDS * seconds)
        self._holder = new_id("gw")
        self._forgot_time: datetime | None = None
        self._turns = TenantTurns()

    @asynccontextmanager
    async def running(self) -> "AsyncGenerator[None]":
        """Evaluate until the block ends; not at all when `seconds` is 0."""
        if not self._seconds:
            yield
            return
        task = asyncio.create_task(self._run(), name="alerts")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._notifier.close()
            with suppress(PenstockError):
                await self._leases.release(self._holder, now=self._clock.now())

    async def evaluate(self) -> bool:
        """Look at everything once; False while another gateway does."""
        now = self._clock.now()
        lease = await self._leases.acquire(self._holder, seconds=self._lease_seconds, now=now)
        if lease is None:
            self._metrics.record_evaluation(0, ())
            return False
        # Channels are read last: those of an alarm are made before it.
        states = {state.fingerprint: state for state in await self._store.list_states()}
        alarms = await self._store.list_alarms()
        found = Round(now=now, states=states, channels=await self._store.list_channels())
        for report in await self._system.look():
            self._judge_report(found, report)
        await self._judge_alarms(found, alarms)
        try:
            await self._store.record(lease.fence, found.changed, found.messages, now)
            await self._notifier.start_due(lease)
            await self._forget_daily(now)
            self._record(found)
        except LeaseLostError:
            log.warning("another gateway evaluates the alerts; nothing of this round counts")
            return False
        return True

    async def _run(self) -> None:
        failing = False
        while True:
            try:
                await self.evaluate()
                failing = False
            except PenstockError as error:
                if not failing:
                    log.warning("alerts are not evaluated", reason=error.reason, detail=error.message)
                failing = True
            except Exception:
                log.exception("alerts are not evaluated")
            await asyncio.sleep(self._seconds)

    def _judge_report(self, found: Round, report: CheckReport) -> None:
        for finding in report.findings:
            self._judge_finding(found, finding)
        seen = {_finding_fingerprint(finding) for finding in report.findings}
        rule_ids = {f"{prefix}{rule}" for rule in report.rules for prefix in (SYSTEM_RULES, TENANT_RULES)}
        for state in found.states.values():
            if state.rule_id in rule_ids and state.fingerprint not in seen and state.status is not Status.OK:
                after, change = advance(state, _GONE, hold_seconds=0, repeat_seconds=0, now=found.now)
                _note(found, state, after)
                _tell(found, after, change, _told_of_system(found, after.tenant_id, after.rule_id), ("", ""))

    def _judge_finding(self, found: Round, finding: Finding) -> None:
        fingerprint = _finding_fingerprint(finding)
        state = found.states.get(fingerprint) or AlertState(
            fingerprint=fingerprint,
            tenant_id=finding.tenant_id or OPERATORS,
            rule_id=_rule_id(finding),
            rule_name=finding.rule,
            severity=finding.severity,
            since=found.now,
        )
        hold, repeat = finding.hold_seconds, finding.repeat_seconds
        after, change = advance(state, finding.observation, hold_seconds=hold, repeat_seconds=repeat, now=found.now)
        _note(found, state, after)
        told = _told_of_system(found, after.tenant_id, after.rule_id)
        _tell(found, after, change, told, (finding.summary, finding.summary_zh))

    async def _judge_alarms(self, found: Round, alarms: Sequence[Alarm]) -> None:
        """Judge all alarms, some at once, within a bound. Tenants take turns; where a tenant's end, its next begin."""
        waiting = deque(self._turns.order(alarms))
        workers = (self._judge_waiting(found, waiting) for _ in range(min(_AT_ONCE, len(alarms))))
        with suppress(TimeoutError):
            async with asyncio.timeout(_ROUND_SHARE * self._lease_seconds):
                await asyncio.gather(*workers)
        if waiting:
            log.warning("alarms wait for the next evaluation", waiting=len(waiting))
        self._turns.end_round(alarms, waiting)

    async def _judge_waiting(self, found: Round, waiting: "deque[Alarm]") -> None:
        while waiting:
            alarm = waiting.popleft()
            try:
                async with asyncio.timeout(_ALARM_SECONDS):
                    await self._judge_alarm(found, alarm)
            except PenstockError as error:
                log.warning("an alarm can't be evaluated", alarm_id=alarm.id, reason=error.reason)
            except TimeoutError:
                log.warning("an alarm is not evaluated in time", alarm_id=alarm.id)
            except Exception:
                log.exception("an alarm can't be evaluated", alarm_id=alarm.id)

    async def _judge_alarm(self, found: Round, alarm: Alarm) -> None:
        mine = {state.fingerprint: state for state in found.of_rule(alarm.id)}
        lasting = {Status.FIRING, Status.NO_DATA}
        firing = frozenset(state.labels.get("device_code", "") for state in mine.values() if state.status in lasting)
        observed = await self._devices.observe(alarm, firing, found.now)
        hold = 0.0 if alarm.watch is Watch.NO_DATA else alarm.seconds
        told = [channel for channel in found.channels if _is_told(channel, alarm)]
        seen = {fingerprint_of(alarm.id, entry.device_code) for entry in observed}
        for entry in observed:
            if entry.observation is None:
                continue
            fingerprint = fingerprint_of(alarm.id, entry.device_code)
            state = mine.get(fingerprint) or AlertState(
                fingerprint=fingerprint,
                tenant_id=alarm.tenant_id,
                rule_id=alarm.id,
                rule_name=alarm.name,
                severity=alarm.severity,
                since=found.now,
            )
            after, change = advance(
                state, entry.observation, hold_seconds=hold, repeat_seconds=alarm.repeat_seconds, now=found.now
            )
            _note(found, state, after)
            _tell(found, after, change, told, ("", ""))
        self._end_unwatched(found, [state for state in mine.values() if state.fingerprint not in seen])

    def _end_unwatched(self, found: Round, states: Sequence[AlertState]) -> None:
        """End what fired on devices that the alarm no longer covers, without a word: nobody knows how they are."""
        for state in states:
            if state.status is not Status.OK:
                after, _ = advance(state, _GONE, hold_seconds=0, repeat_seconds=0, now=found.now)
                _note(found, state, after)

    def _record(self, found: Round) -> None:
        states = {**found.states, **{state.fingerprint: state for state in found.changed}}
        firing = [state.severity.value for state in states.values() if state.status in {Status.FIRING, Status.NO_DATA}]
        self._metrics.record_evaluation(found.now.timestamp(), firing)

    async def _forget_daily(self, now: datetime) -> None:
        """Delete messages, and what is known of alerts that ended, of more than a month ago, once a day."""
        if self._forgot_time is None or now - self._forgot_time >= timedelta(days=1):
            self._forgot_time = now
            await self._deliveries.forget(now - timedelta(days=_KEPT_DAYS))
            await self._store.forget_states(now - timedelta(days=_KEPT_DAYS))


def fingerprint_of(rule_id: str, subject: str) -> str:
    """Return the id of the alert of a rule on one thing: always the same, and fit for a path."""
    return f"alt_{sha256(f'{rule_id}|{subject}'.encode()).hexdigest()[:24]}"


def _rule_id(finding: Finding) -> str:
    return f"{TENANT_RULES if finding.tenant_id else SYSTEM_RULES}{finding.rule}"


def _finding_fingerprint(finding: Finding) -> str:
    return fingerprint_of(_rule_id(finding), finding.subject)


def _told_of_system(found: Round, tenant_id: str, rule_id: str) -> Sequence["Channel"]:
    """Return the channels that want to hear of the system, and the tenant's own of what is the tenant's."""
    is_theirs = rule_id.startswith(TENANT_RULES)
    return [
        channel
        for channel in found.channels
        if channel.options.get("system") == "true" or (is_theirs and channel.tenant_id == tenant_id)
    ]


def _is_told(channel: "Channel", alarm: Alarm) -> bool:
    return channel.tenant_id == alarm.tenant_id and (not alarm.channel_ids or channel.id in alarm.channel_ids)


def _note(found: Round, before: AlertState, after: AlertState) -> None:
    if after != before or after.fingerprint not in found.states:
        found.changed.append(after)


def messages_about(
    state: AlertState, change: Change, channels: Sequence["Channel"], summaries: tuple[str, str], now: datetime
) -> Sequence[tuple["Channel", Message]]:
    """Return the message to each of `channels` about a change, in its language; none about none."""
    if change is Change.NONE:
        return []
    return [
        (
            channel,
            compose(
                state,
                change,
                summary=summaries[channel.language == "zh"],
                language=channel.language,
                delivery_id=_delivery_id(channel, state, change, now),
                now=now,
            ),
        )
        for channel in channels
    ]


def _tell(
    found: Round, state: AlertState, change: Change, channels: Sequence["Channel"], summaries: tuple[str, str]
) -> None:
    found.messages.extend(messages_about(state, change, channels, summaries, found.now))


def _delivery_id(channel: "Channel", state: AlertState, change: Change, now: datetime) -> str:
    """Return the same id for the same message, whoever makes it."""
    repeated = now.isoformat() if change is Change.REPEATED else ""
    text = f"{channel.id}\n{state.fingerprint}\n{state.episode}\n{change}\n{repeated}"
    return f"dlv_{sha256(text.encode()).hexdigest()[:40]}"
