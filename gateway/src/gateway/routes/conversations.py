"""Conversations: create, list, read, rename, delete, and ask."""

from typing import TYPE_CHECKING, Final

from fastapi import Response
from penstock.chat.v1 import chat_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import CHAT
from gateway.chat.endpoint import start_turn
from gateway.chat.request import StreamChatRequest
from gateway.chat.sse_response import SseResponseFactory
from gateway.convert.conversation import conversation_from_proto, message_from_proto
from gateway.convert.protobuf import build_message
from gateway.http.json import JsonResponse
from gateway.http.names import Labels
from gateway.routes.listing import listing
from gateway.routes.parameters import IdempotencyKey, MessagePageSize, PageToken, ShortPageSize
from gateway.routes.router import EVENTS, PICTURE, add, api_router
from gateway.routes.strict import RequestModel

if TYPE_CHECKING:
    from penstock.chat.v1.chat_pb2_grpc import ConversationServiceAsyncStub


# What a user sent is shown as a picture or not at all: no script in it ever runs, and no shared cache keeps it.
_AS_DATA: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, max-age=3600",
    "vary": "authorization, x-api-key",
}


# As many as a conversation keeps.
_MOST_LABELS: Final = 32


class ConversationCreate(RequestModel):
    """A new conversation. Everything is optional."""

    title: str = Field(default="", max_length=200, description="Empty: made from the first question.")
    model: str = Field(default="", max_length=200, description="Default model of its turns.")
    personality_id: str = Field(default="", max_length=200)
    labels: Labels = Field(default_factory=dict, max_length=_MOST_LABELS)


class ConversationUpdate(RequestModel):
    """What to change; a field left out stays."""

    title: str | None = Field(default=None, max_length=200)
    model: str | None = Field(default=None, max_length=200)
    personality_id: str | None = Field(default=None, max_length=200)


class ConversationRoutes:
    """The routes below ``/api/v1/conversations``."""

    def __init__(
        self, *, conversations: "ConversationServiceAsyncStub", responses: SseResponseFactory, guard: Guard
    ) -> None:
        self._conversations = conversations
        self._responses = responses
        self.router = api_router("conversations", guard.needs(CHAT))
        one = "/api/v1/conversations/{conversation_id}"
        add(self.router, "POST /api/v1/conversations", self.create_conversation, status_code=201)
        add(self.router, "GET /api/v1/conversations", self.list_conversations)
        add(self.router, f"GET {one}", self.get_conversation)
        add(self.router, f"GET {one}/messages", self.list_messages)
        add(self.router, f"GET {one}/pictures/{{picture_id}}", self.get_picture, responses=PICTURE)
        add(self.router, f"PATCH {one}", self.update_conversation)
        add(self.router, f"DELETE {one}", self.delete_conversation, status_code=204)
        add(self.router, f"POST {one}/stream", self.stream_chat, responses=EVENTS)
        add(self.router, f"POST {one}/stream-debug", self.stream_chat_debug, responses=EVENTS)

    async def create_conversation(
        self, body: ConversationCreate | None = None, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """Create a conversation."""
        requested = body or ConversationCreate()
        request = pb.CreateConversationRequest(**requested.model_dump(), request_id=idempotency_key)
        response = await self._conversations.CreateConversation(request)
        return JsonResponse(conversation_from_proto(response.conversation), 201)

    async def list_conversations(self, page_size: ShortPageSize = 0, page_token: PageToken = "") -> Response:
        """List the caller's conversations, last used first."""
        request = build_message(pb.ListConversationsRequest, page_size=page_size, page_token=page_token)
        response = await self._conversations.ListConversations(request)
        found = [conversation_from_proto(entry) for entry in response.conversations]
        return JsonResponse(listing("conversations", found, response.next_page_token))

    async def get_conversation(self, conversation_id: str, messages: bool = True) -> Response:
        """Read a conversation with its first messages; `messages=false` leaves them out."""
        response = await self._conversations.GetConversation(pb.GetConversationRequest(id=conversation_id))
        json = conversation_from_proto(response.conversation)
        if messages:
            listed = await self._conversations.ListMessages(
                build_message(pb.ListMessagesRequest, conversation_id=conversation_id)
            )
            json["messages"] = [message_from_proto(entry) for entry in listed.messages]
            json["next_page_token"] = listed.next_page_token or None
        return JsonResponse(json)

    async def list_messages(
        self, conversation_id: str, page_size: MessagePageSize = 0, page_token: PageToken = ""
    ) -> Response:
        """List a conversation's messages, oldest first."""
        request = build_message(
            pb.ListMessagesRequest, conversation_id=conversation_id, page_size=page_size, page_token=page_token
        )
        response = await self._conversations.ListMessages(request)
        found = [message_from_proto(entry) for entry in response.messages]
        return JsonResponse(listing("messages", found, response.next_page_token))

    async def get_picture(self, conversation_id: str, picture_id: str) -> Response:
        """Read a picture that was attached to a question."""
        request = build_message(pb.GetPictureRequest, conversation_id=conversation_id, picture_id=picture_id)
        response = await self._conversations.GetPicture(request)
        return Response(response.picture.data, media_type=response.picture.media_type, headers=_AS_DATA)

    async def update_conversation(self, conversation_id: str, body: ConversationUpdate) -> Response:
        """Rename a conversation or change its defaults."""
        request = pb.UpdateConversationRequest(id=conversation_id, **body.model_dump(exclude_none=True))
        response = await self._conversations.UpdateConversation(request)
        return JsonResponse(conversation_from_proto(response.conversation))

    async def delete_conversation(self, conversation_id: str) -> Response:
        """Delete a conversation and everything that belongs to it."""
        await self._conversations.DeleteConversation(pb.DeleteConversationRequest(id=conversation_id))
        return Response(status_code=204)

    async def stream_chat(
        self, conversation_id: str, body: StreamChatRequest, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """Ask, and watch the answer arrive as Server-Sent Events."""
        return start_turn(self._responses, conversation_id, body, idempotency_key, debug=False)

    async def stream_chat_debug(
        self, conversation_id: str, body: StreamChatRequest, idempotency_key: IdempotencyKey = ""
    ) -> Response:
        """The same stream; each event also says where the time went."""
        return start_turn(self._responses, conversation_id, body, idempotency_key, debug=True)
