"""What people read: a title and a text, in English or Chinese, the same for every channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from gateway.alerts.model import AlertState, Change

Language = Literal["en", "zh"]

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "fired": "ALERT",
        "repeated": "STILL",
        "resolved": "RESOLVED",
        "severity": "Severity",
        "device_code": "Device",
        "model_code": "Model",
        "field": "Field",
        "tenant": "Tenant",
        "value": "Value",
        "last_seen": "Last seen",
        "since": "Since",
        "test": "This is a test: the channel works.",
        "bundle": "{count} messages",
    },
    "zh": {
        "fired": "告警",
        "repeated": "仍在告警",
        "resolved": "已恢复",
        "severity": "级别",
        "device_code": "设备",
        "model_code": "模型",
        "field": "字段",
        "tenant": "租户",
        "value": "数值",
        "last_seen": "最后数据",
        "since": "开始时间",
        "test": "这是一条测试消息: 通知渠道可用.",
        "bundle": "{count} 条消息",
    },
}
_SHOWN: Final = ("device_code", "model_code", "field", "last_seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One notification. `delivery_id` is the same for all attempts; `lines` are plain text, never markup."""

    delivery_id: str
    change: str
    title: str
    lines: tuple[str, ...]
    fingerprint: str
    episode: int
    severity: str
    time: datetime

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "\n".join([self.title, *self.lines])


def compose(
    state: AlertState, change: Change, *, summary: str, language: Language, delivery_id: str, now: datetime
) -> Message:
    """Return the message about what happened to `state`; names of devices and the like are text, whatever they hold."""
    words = _WORDS[language]
    facts = [(words["severity"], state.severity.value), (words["tenant"], state.tenant_id)]
    facts += [(words[name], state.labels[name]) for name in _SHOWN if state.labels.get(name)]
    if state.value is not None:
        facts.append((words["value"], f"{state.value:g}"))
    facts.append((words["since"], f"{(state.fired_time or now):%Y-%m-%d %H:%M:%S} UTC"))
    lines = [_line(f"{name}: {value}") for name, value in facts]
    return Message(
        delivery_id=delivery_id,
        change=change.value,
        title=_line(f"[{words[change.value]}] {state.rule_name}"),
        lines=(*([_line(summary)] if summary else []), *lines),
        fingerprint=state.fingerprint,
        episode=state.episode,
        severity=state.severity.value,
        time=now,
    )


def compose_test(*, language: Language, delivery_id: str, now: datetime) -> Message:
    """Return the message of the test button."""
    text = _WORDS[language]["test"]
    return Message(
        delivery_id=delivery_id,
        change="test",
        title="Penstock",
        lines=(text,),
        fingerprint="test",
        episode=0,
        severity="info",
        time=now,
    )


def bundle(messages: Sequence[Message], *, language: Language) -> Message:
    """Return messages that go out together as one, in their order; a single one as it is."""
    if len(messages) == 1:
        return messages[0]
    first = messages[0]
    lines = [line for message in messages for line in ("", message.title, *message.lines)]
    title = f"Penstock: {_WORDS[language]['bundle'].format(count=len(messages))}"
    return replace(first, change="bundle", title=title, lines=tuple(lines))


def _line(text: str) -> str:
    """Return one line: what would begin another one, or control a terminal, becomes a blank."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
