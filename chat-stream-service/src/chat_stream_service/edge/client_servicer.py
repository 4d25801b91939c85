"""ClientService over gRPC."""

# The methods have the RPCs' names.
# ruff: noqa: N802

from collections.abc import AsyncGenerator
from typing import Any

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc

from penstock_kit.errors import Unimplemented


class ClientServicer(chat_pb2_grpc.ClientServiceServicer):
    """Says plainly that this version routes no events to registered clients."""

    async def RegisterClient(
        self, request: chat_pb2.RegisterClientRequest, context: Any
    ) -> chat_pb2.RegisterClientResponse:
        """Refuse."""
        raise _unimplemented()

    async def ListClients(self, request: chat_pb2.ListClientsRequest, context: Any) -> chat_pb2.ListClientsResponse:
        """Refuse."""
        raise _unimplemented()

    async def UnregisterClient(
        self, request: chat_pb2.UnregisterClientRequest, context: Any
    ) -> chat_pb2.UnregisterClientResponse:
        """Refuse."""
        raise _unimplemented()

    async def WatchClient(
        self, request: chat_pb2.WatchClientRequest, context: Any
    ) -> AsyncGenerator[chat_pb2.WatchClientResponse]:
        """Refuse."""
        raise _unimplemented()
        yield chat_pb2.WatchClientResponse()


def _unimplemented() -> Unimplemented:
    text = "this version does not register clients; read a stream by its id with ReadStream instead"
    return Unimplemented(text, reason="CLIENTS_UNIMPLEMENTED")
