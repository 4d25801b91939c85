"""StreamService over gRPC."""

# The methods have the RPCs' names.
# ruff: noqa: N802

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc

from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.event import ChatEvent
from chat_stream_service.domain.model.event_log import EventLog, Offer
from chat_stream_service.domain.stream.readers import Reader, Readers
from chat_stream_service.domain.stream.service import StreamService
from chat_stream_service.domain.stream.statistics import StreamStatistics
from chat_stream_service.edge.convert import (
    caller_owner,
    component_to_proto,
    duration_to_proto,
    request_from_proto,
    state_to_proto,
    with_events,
)
from penstock_kit.role import require_operator


class StreamServicer(chat_pb2_grpc.StreamServiceServicer):
    """Starts, follows and stops streams; each message carries whatever events are there when it is made."""

    def __init__(
        self,
        *,
        streams: StreamService,
        readers: Readers,
        event_log: EventLog,
        statistics: StreamStatistics,
        components: Sequence[Component],
        rss_bytes: Callable[[], int],
    ) -> None:
        self._streams = streams
        self._readers = readers
        self._log = event_log
        self._statistics = statistics
        self._components = components
        self._rss_bytes = rss_bytes

    async def StreamChat(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: chat_pb2.StreamChatRequest, context: Any
    ) -> None:
        """Run one turn and stream its events from the first."""
        asked, debug = request_from_proto(request), request.debug
        owner = asked.owner
        stream_id = await self._streams.start(asked)
        del request, asked  # the answer may be long, and the question large
        await self._follow(
            lambda offer: self._streams.read(owner, stream_id, after=0, offer=offer),
            lambda batch: with_events(chat_pb2.StreamChatResponse(), batch, debug=debug),
            context,
        )

    async def ReadStream(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: chat_pb2.ReadStreamRequest, context: Any
    ) -> None:
        """Stream the events after a sequence."""
        owner, after = caller_owner(), max(0, request.after_sequence)
        await self._follow(
            lambda offer: self._streams.read(owner, request.stream_id, after=after, offer=offer),
            lambda batch: with_events(chat_pb2.ReadStreamResponse(), batch, debug=request.debug),
            context,
        )

    async def _follow(
        self,
        read: Callable[[Offer | None], AsyncGenerator[Sequence[ChatEvent]]],
        message: Callable[[Sequence[ChatEvent]], object],
        context: Any,
    ) -> None:
        """Write the events as they come. Written here and not yielded, so that a reader found stale gets a status.

        A reader that keeps up is written to by whoever makes the events: it has not to be woken for each of them.
        """
        with self._readers.join() as reader:
            offer = self._offer_to(reader, message, context)
            async with aclosing(read(offer)) as batches:
                async for batch in batches:
                    reader.on_offer()
                    await context.write(message(batch))
                    reader.on_taken()
                    if not batch[-1].is_terminal:
                        await self._readers.pace(reader)

    def _offer_to(self, reader: Reader, message: Callable[[Sequence[ChatEvent]], object], context: Any) -> Offer | None:
        """Return what writes events to a reader at once, None where its call can't."""
        write_now: Callable[[object], bool] | None = getattr(context, "write_now", None)
        if write_now is None:
            return None

        def offer(batch: Sequence[ChatEvent]) -> bool:
            if not self._readers.may_write_now(reader) or not write_now(message(batch)):
                return False
            reader.on_offer()
            reader.on_taken()
            return True

        return offer

    async def StopStream(self, request: chat_pb2.StopStreamRequest, context: Any) -> chat_pb2.StopStreamResponse:
        """Stop a stream; its terminal event is in the log when this returns."""
        return chat_pb2.StopStreamResponse(stopped=await self._streams.stop(caller_owner(), request.stream_id))

    async def GetStream(self, request: chat_pb2.GetStreamRequest, context: Any) -> chat_pb2.GetStreamResponse:
        """Return what is known of a stream."""
        return state_to_proto(await self._streams.describe(caller_owner(), request.stream_id))

    async def GetStreamHealth(
        self, request: chat_pb2.GetStreamHealthRequest, context: Any
    ) -> chat_pb2.GetStreamHealthResponse:
        """Return the numbers of this replica, over all tenants."""
        require_operator("see how the streams are doing")
        numbers = self._statistics
        response = chat_pb2.GetStreamHealthResponse(
            active_connections=numbers.active_connections,
            active_streams=numbers.active_streams,
            total_streams=numbers.total_streams,
            total_chunks=numbers.total_chunks,
            stale_cleaned=numbers.stale_cleaned,
            outcomes=numbers.outcomes,
            rss_bytes=self._rss_bytes(),
            event_log=self._log.name,
        )
        for share, quantile in ((0.5, response.first_byte_p50), (0.95, response.first_byte_p95)):
            seconds = numbers.first_byte_quantile(share)
            if seconds is not None:
                quantile.CopyFrom(duration_to_proto(seconds))
        return response

    async def GetStatus(self, request: chat_pb2.GetStatusRequest, context: Any) -> chat_pb2.GetStatusResponse:
        """Return the state of stores and peers, all asked at once."""
        states = await asyncio.gather(*(component.status() for component in self._components))
        return chat_pb2.GetStatusResponse(
            components=[component_to_proto(state) for state in states], rss_bytes=self._rss_bytes()
        )
