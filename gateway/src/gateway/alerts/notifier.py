"""Sends what is due: each message once, all channels side by side, with more attempts where one failed for now."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from gateway.alerts.channels.channel import Channel, ChannelKind, DeliveryError, Sender
from gateway.alerts.delivery_store import FAILED, SENT, Delivery, DeliveryStore, DueChannel
from gateway.alerts.lease import Lease, LeaseLostError
from gateway.alerts.message import Message, bundle, compose_test
from gateway.alerts.store import AlertStore
from gateway.monitoring.alert_metrics import AlertMetrics
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream, FailedPrecondition, PenstockError, PermissionDenied
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger
from penstock_kit.outbound.guarded_http import GuardedHttp

log = get_logger(__name__)

_ATTEMPTS: Final = 10
_FIRST_WAIT: Final = 15.0
_LONGEST_WAIT: Final = 1800.0
_SEND_SECONDS: Final = 30.0
# Channels that are sent to at once: a receiver that answers nothing holds one place for `_SEND_SECONDS` at most.
_AT_ONCE: Final = 32
# Of these places, what one tenant's channels take.
_OF_A_TENANT: Final = 8
# What a round sends to one channel at most; robots take 20 messages a minute, and there are four rounds in one.
_MOST_A_ROUND: Final = 50
_LEAVE_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """How a kind of channel is sent to: messages in one, their bytes together, and sendings a round."""

    most: int = 1
    largest: int = 0
    sendings: int = _MOST_A_ROUND


# People's channels get what is due at once in one message; a webhook gets each by itself.
_PACES: Final[Mapping[ChannelKind, _Pace]] = {
    ChannelKind.EMAIL: _Pace(most=50, largest=100_000, sendings=5),
    ChannelKind.DINGTALK: _Pace(most=50, largest=18_000, sendings=5),
    ChannelKind.WECOM: _Pace(most=50, largest=1_950, sendings=5),
    ChannelKind.WEBHOOK: _Pace(),
}


class Notifier:
    """Delivers through the senders by kind; `http` is what they post through, closed at the end.

    Each channel has a task of its own while it has messages that are due, so that one that does not answer, or can't
    be read, delays no other and no evaluation.
    """

    def __init__(
        self,
        *,
        store: AlertStore,
        deliveries: DeliveryStore,
        senders: Mapping[ChannelKind, Sender],
        http: GuardedHttp,
        clock: Clock,
        metrics: AlertMetrics,
        send_seconds: float = _SEND_SECONDS,
        sends_mail: bool = True,
    ) -> None:
        self._sends_mail = sends_mail
        self._store = store
        self._deliveries = deliveries
        self._senders = senders
        self._http = http
        self._clock = clock
        self._metrics = metrics
        self._send_seconds = send_seconds
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._shares: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_OF_A_TENANT))

    async def start_due(self, lease: Lease) -> None:
        """Begin to send what is due, to each channel by a task of its own. Raises LeaseLostError."""
        await self._deliveries.give_up_lost(lease.fence)
        for due in await self._deliveries.due_channels(self._clock.now()):
            if due.channel_id not in self._tasks:
                task = asyncio.create_task(self._drain(due, lease), name=f"notify {due.channel_id}")
                self._tasks[due.channel_id] = task
                task.add_done_callback(lambda _, channel_id=due.channel_id: self._tasks.pop(channel_id, None))

    async def settle(self) -> None:
        """Wait until nothing is being sent."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def require_reachable(self, channel: Channel) -> None:
        """Raise InvalidArgument for a URL that is none, PermissionDenied for an address to which no message would be
        sent, and FailedPrecondition for e-mail without a mail server: it is told when it is written."""
        if channel.kind is ChannelKind.EMAIL and not self._sends_mail:
            message = (
                "no e-mail can be sent: no mail server is set; the operator's setting PENSTOCK_SMTP_HOST names one"
            )
            raise FailedPrecondition(message, reason="MAIL_UNSUPPORTED")
        if not channel.url:
            return
        try:
            self._http.require_allowed(channel.url)
        except PermissionDenied as error:
            if error.reason != "ADDRESS_DENIED":
                raise
            host = urlsplit(channel.url).hostname
            message = (
                f"the url leads to {host!r}, which is not on the public internet; "
                "the operator's setting PENSTOCK_NOTIFY_NETWORKS allows networks such as 10.0.0.0/8"
            )
            raise PermissionDenied(message, reason="ADDRESS_DENIED") from None

    async def test(self, channel: Channel) -> None:
        """Send a test message. Raises BadUpstream (CHANNEL_UNAVAILABLE) with what the other side said."""
        message = compose_test(language=channel.language, delivery_id=new_id("dlv"), now=self._clock.now())
        error = await self._send(channel, message)
        if error is not None:
            raise BadUpstream(f"the channel {channel.name!r}: {error}", reason="CHANNEL_UNAVAILABLE") from error

    async def close(self, *, leave_seconds: float = _LEAVE_SECONDS) -> None:
        """Let what is being sent end, for `leave_seconds`, and close the connections."""
        with suppress(TimeoutError):
            async with asyncio.timeout(leave_seconds):
                await self.settle()
        for task in list(self._tasks.values()):
            task.cancel()
        await self.settle()
        await self._http.close()

    async def _drain(self, due: DueChannel, lease: Lease) -> None:
        """Send the channel's messages, oldest first, until none waits, one fails or the round's number is reached."""
        async with self._shares[due.tenant_id], self._places:
            try:
                await self._send_waiting(due, lease)
            except LeaseLostError:
                log.warning("another gateway sends the notifications", channel_id=due.channel_id)
            except PenstockError as error:
                log.warning("notifications wait", channel_id=due.channel_id, reason=error.reason, detail=error.message)
            except Exception:
                log.exception("notifications wait", channel_id=due.channel_id)

    async def _send_waiting(self, due: DueChannel, lease: Lease) -> None:
        channel, unusable = await self._channel(due)
        pace = _PACES[channel.kind] if channel else _Pace()
        for _ in range(pace.sendings):
            claimed = await self._deliveries.claim(due.channel_id, lease.fence, most=pace.most, largest=pace.largest)
            if not claimed or not await self._attempt(channel, unusable, claimed, lease):
                return

    async def _channel(self, due: DueChannel) -> tuple[Channel | None, DeliveryError | None]:
        try:
            return await self._store.channel(due.tenant_id, due.channel_id), None
        except PenstockError as error:
            is_final = error.reason == "CHANNEL_NOT_FOUND"
            return None, DeliveryError("the channel was deleted" if is_final else error.message, is_final=is_final)

    async def _attempt(
        self, channel: Channel | None, unusable: DeliveryError | None, claimed: Sequence[Delivery], lease: Lease
    ) -> bool:
        """Send `claimed` in one message and note how it ended; return whether the next may follow."""
        error = unusable
        if channel is not None:
            if self._clock.now() >= lease.until:
                raise LeaseLostError
            messages = [delivery.message for delivery in claimed]
            error = await self._send(channel, bundle(messages, language=channel.language))
        now = self._clock.now()
        if channel is not None:
            outcome = "sent" if error is None else "failed" if error.is_final else "postponed"
            self._metrics.record_notifications(channel.kind.value, outcome, len(claimed))
        if error is None:
            await self._deliveries.finish(claimed, status=SENT, error="", now=now)
            return True
        attempts = claimed[0].attempts + 1
        ends = error.is_final or attempts >= _ATTEMPTS
        log.warning("a notification was not delivered", channel_id=claimed[0].channel_id, detail=str(error), final=ends)
        if error.is_final:
            await self._deliveries.finish(claimed, status=FAILED, error=str(error), now=now)
            return True
        later = now + timedelta(seconds=min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempts - 1)))
        await self._deliveries.postpone(claimed, error=str(error), later=later, attempts=_ATTEMPTS)
        return False

    async def _send(self, channel: Channel, message: Message) -> DeliveryError | None:
        try:
            async with asyncio.timeout(self._send_seconds):
                await self._senders[channel.kind].send(channel, message)
        except DeliveryError as error:
            return error
        except TimeoutError:
            return DeliveryError(f"no answer within {self._send_seconds:g} s")
        except Exception as error:
            log.exception("a channel's sender fails", channel_id=channel.id)
            return DeliveryError(f"it can't be sent: {type(error).__name__}")
        return None
