"""Sends what is due: each message once, with more attempts where one failed for now."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from gateway.alerts.channels.channel import Channel, ChannelKind, DeliveryError, Sender
from gateway.alerts.message import compose_test
from gateway.alerts.store import FAILED, SENT, WAITING, AlertStore, Delivery
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream, NotFound
from penstock_kit.ids import new_id
from penstock_kit.logging import get_logger
from penstock_kit.outbound.guarded_http import GuardedHttp

log = get_logger(__name__)

_ATTEMPTS: Final = 8
_FIRST_WAIT: Final = 15.0
_LONGEST_WAIT: Final = 1800.0


class Notifier:
    """Delivers through the senders by kind; `http` is what they post through, closed at the end."""

    def __init__(
        self, *, store: AlertStore, senders: Mapping[ChannelKind, Sender], http: GuardedHttp, clock: Clock
    ) -> None:
        self._store = store
        self._senders = senders
        self._http = http
        self._clock = clock

    async def send_due(self, fence: int) -> None:
        """Try every message that is due once. Raises LeaseLostError."""
        for delivery in await self._store.claim_deliveries(fence, self._clock.now()):
            await self._attempt(delivery)

    async def test(self, channel: Channel) -> None:
        """Send a test message. Raises BadUpstream (CHANNEL_UNAVAILABLE) with what the other side said."""
        message = compose_test(language=channel.language, delivery_id=new_id("dlv"), now=self._clock.now())
        try:
            await self._senders[channel.kind].send(channel, message)
        except DeliveryError as error:
            raise BadUpstream(f"the channel {channel.name!r}: {error}", reason="CHANNEL_UNAVAILABLE") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _attempt(self, delivery: Delivery) -> None:
        error = await self._error_of(delivery)
        now = self._clock.now()
        if error is None:
            await self._store.finish_delivery(delivery, status=SENT, error="", next_time=None, now=now)
            return
        attempts = delivery.attempts + 1
        ends = error.is_final or attempts >= _ATTEMPTS
        log.warning("a notification was not delivered", channel_id=delivery.channel_id, detail=str(error), final=ends)
        later = now + timedelta(seconds=min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempts - 1)))
        await self._store.finish_delivery(
            delivery, status=FAILED if ends else WAITING, error=str(error), next_time=later, now=now
        )

    async def _error_of(self, delivery: Delivery) -> DeliveryError | None:
        try:
            channel = await self._store.channel(delivery.tenant_id, delivery.channel_id)
        except NotFound:
            return DeliveryError("the channel was deleted", is_final=True)
        try:
            await self._senders[channel.kind].send(channel, delivery.message)
        except DeliveryError as error:
            return error
        return None
