"""A user's clients → JSON."""

from penstock.chat.v1 import chat_pb2 as pb

from gateway.convert.scalar import JsonObject, time_from_proto


def client_from_proto(client: pb.Client) -> JsonObject:
    """Return a client with its presence; `replica` is the chat-stream replica that holds its connection."""
    return {
        "id": client.id,
        "name": client.name,
        "kind": client.kind or None,
        "connected": client.connected,
        "replica": client.replica or None,
        "last_seen_time": time_from_proto(client, "last_seen_time"),
        "create_time": time_from_proto(client, "create_time"),
    }
