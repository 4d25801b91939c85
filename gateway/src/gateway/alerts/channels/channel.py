"""The port of all channels, and how one is described."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from gateway.alerts.message import Language, Message


class ChannelKind(StrEnum):
    """The ways to tell people."""

    EMAIL = "email"
    DINGTALK = "dingtalk"
    WECOM = "wecom"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One place to which a tenant's notifications go.

    `url` is that of the robot or webhook; `secrets` sign (DingTalk: one; webhook: the current one and the one
    before); `recipients` are e-mail addresses.
    """

    id: str
    tenant_id: str
    name: str
    kind: ChannelKind
    language: Language = "en"
    url: str = ""
    secrets: Sequence[str] = ()
    recipients: Sequence[str] = ()
    create_time: datetime
    options: Mapping[str, str] = field(default_factory=dict[str, str])


class DeliveryError(Exception):
    """A message was not delivered. `is_final`: another attempt would not help."""

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class Sender(Protocol):
    """Delivers messages through one kind of channel."""

    async def send(self, channel: Channel, message: Message) -> None:
        """Return when the other side has taken the message; raise DeliveryError otherwise."""
        ...
