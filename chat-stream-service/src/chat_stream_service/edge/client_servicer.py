"""ClientService over gRPC."""

# The methods have the RPCs' names.
# ruff: noqa: N802

from collections.abc import Sequence
from typing import Any

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc

from chat_stream_service.domain.clients.client import Client
from chat_stream_service.domain.clients.client_feed import Cursor
from chat_stream_service.domain.clients.service import ClientService
from chat_stream_service.domain.model.event import ChatEvent
from chat_stream_service.domain.stream.readers import Readers
from chat_stream_service.edge.convert import caller_owner, timestamp_to_proto, with_events
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument


class ClientServicer(chat_pb2_grpc.ClientServiceServicer):
    """The caller's clients, and what they watch."""

    def __init__(self, clients: ClientService, readers: Readers, clock: Clock) -> None:
        self._clients = clients
        self._readers = readers
        self._clock = clock

    async def RegisterClient(
        self, request: chat_pb2.RegisterClientRequest, context: Any
    ) -> chat_pb2.RegisterClientResponse:
        """Register a client, or rename the one of that id."""
        client = await self._clients.register(
            caller_owner(), client_id=request.client_id, name=request.name, kind=request.kind
        )
        return chat_pb2.RegisterClientResponse(client=self._client_to_proto(client))

    async def ListClients(self, request: chat_pb2.ListClientsRequest, context: Any) -> chat_pb2.ListClientsResponse:
        """List all clients: there are so few of them that they fit one page, whatever its size."""
        if request.page_size < 0:
            message = f"page_size is {request.page_size}; it must be 1 or more, or 0 for all"
            raise InvalidArgument(message, reason="PAGE_SIZE_INVALID")
        if request.page_token:
            message = f"page_token {request.page_token[:40]!r} is of no page: all clients are on the first"
            raise InvalidArgument(message, reason="PAGE_TOKEN_INVALID")
        clients = await self._clients.list_all(caller_owner())
        return chat_pb2.ListClientsResponse(clients=[self._client_to_proto(client) for client in clients])

    async def UnregisterClient(
        self, request: chat_pb2.UnregisterClientRequest, context: Any
    ) -> chat_pb2.UnregisterClientResponse:
        """Forget a client."""
        await self._clients.unregister(caller_owner(), request.id)
        return chat_pb2.UnregisterClientResponse()

    async def WatchClient(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: chat_pb2.WatchClientRequest, context: Any
    ) -> None:
        """Stream the events of the user's conversations, the first message a cursor alone."""
        with self._readers.join(endless=True) as reader:

            async def deliver(events: Sequence[ChatEvent], cursor: Cursor) -> None:
                reader.on_offer()
                response = chat_pb2.WatchClientResponse(cursor=cursor.text())
                await context.write(with_events(response, events, debug=False))
                reader.on_taken()
                await self._readers.pace(reader)

            await self._clients.watch(caller_owner(), request.client_id, cursor=request.cursor, deliver=deliver)

    def _client_to_proto(self, client: Client) -> chat_pb2.Client:
        connected = client.connected(self._clock.now())
        return chat_pb2.Client(
            id=client.id,
            name=client.name,
            kind=client.kind,
            connected=connected,
            last_seen_time=timestamp_to_proto(client.last_seen_time),
            create_time=timestamp_to_proto(client.create_time),
            replica=client.replica if connected else "",
        )
