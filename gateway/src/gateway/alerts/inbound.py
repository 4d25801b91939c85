"""Takes alerts that Alertmanager posts, and tells the operators' channels of each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from gateway.alerts.channels.channel import Channel
from gateway.alerts.evaluator import OPERATORS, SYSTEM_RULES, fingerprint_of, messages_about
from gateway.alerts.message import Message
from gateway.alerts.model import AlertState, Change, Observation, Severity
from gateway.alerts.store import AlertStore

_SHOWN: Final = ("device_code", "model_code", "field", "service", "job", "instance", "provider", "budget")
_LONGEST: Final = 200
_LONGEST_SUMMARY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedAlert:
    """One alert of a post: whether it fires, and what Alertmanager says of it."""

    fires: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of its rule."""
        return self.labels["alertname"][:_LONGEST]

    @property
    def subject(self) -> str:
        """What tells it from others of its rule: all of its labels, whoever fires it."""
        text = "\n".join(f"{name}={self.labels[name]}" for name in sorted(self.labels))
        return sha256(text.encode()).hexdigest()


class InboundAlerts:
    """Keeps the state of each alert, so that Alertmanager's groups and repeats tell nobody a second time.

    `own` are the rules that the gateway judges and tells by itself: they are taken without a word.
    """

    def __init__(self, *, store: AlertStore, own: frozenset[str]) -> None:
        self._store = store
        self._own = own

    async def take(self, posted: Sequence[PostedAlert], now: datetime) -> int:
        """Note what is posted, and return of how many alerts people are told."""
        channels = [channel for channel in await self._store.list_channels() if channel.options.get("system") == "true"]
        told = 0
        for alert in posted:
            if alert.name not in self._own:
                told += await self._take_one(alert, channels, now)
        return told

    async def _take_one(self, alert: PostedAlert, channels: Sequence[Channel], now: datetime) -> bool:
        rule_id = f"{SYSTEM_RULES}alertmanager:{alert.name}"[:64]
        fresh = AlertState(
            fingerprint=fingerprint_of(rule_id, alert.subject),
            tenant_id=OPERATORS,
            rule_id=rule_id,
            rule_name=alert.name,
            severity=_severity(alert.labels.get("severity", "")),
            since=now,
        )
        labels = {name: alert.labels[name][:_LONGEST] for name in _SHOWN if name in alert.labels}
        english = alert.annotations.get("summary", "")[:_LONGEST_SUMMARY]
        summaries = (english, alert.annotations.get("summary_zh", english)[:_LONGEST_SUMMARY])

        def compose(state: AlertState, change: Change) -> Sequence[tuple[Channel, Message]]:
            return messages_about(state, change, channels, summaries, now)

        observed = Observation(holds=alert.fires, labels=labels)
        return await self._store.advance_one(fresh, observed, compose, now) is not Change.NONE


def _severity(text: str) -> Severity:
    """Return the severity that a label names; what is none of ours is a warning."""
    return Severity(text) if text in {each.value for each in Severity} else Severity.WARNING
