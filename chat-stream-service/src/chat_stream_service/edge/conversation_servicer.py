"""ConversationService over gRPC."""

# The methods have the RPCs' names.
# ruff: noqa: N802

from typing import Any, Final

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc

from chat_stream_service.domain.conversations.service import ConversationService
from chat_stream_service.edge.convert import caller_owner
from chat_stream_service.edge.convert_conversation import (
    changes_from_proto,
    conversation_to_proto,
    message_to_proto,
    new_conversation_from_proto,
    page_size,
    picture_to_proto,
)

_PAGE: Final = {"default": 50, "most": 200}
_MESSAGE_PAGE: Final = {"default": 100, "most": 500}


class ConversationServicer(chat_pb2_grpc.ConversationServiceServicer):
    """The caller's conversations and their messages."""

    def __init__(self, conversations: ConversationService) -> None:
        self._conversations = conversations

    async def CreateConversation(
        self, request: chat_pb2.CreateConversationRequest, context: Any
    ) -> chat_pb2.CreateConversationResponse:
        """Create a conversation."""
        made = await self._conversations.create(caller_owner(), new_conversation_from_proto(request))
        return chat_pb2.CreateConversationResponse(conversation=conversation_to_proto(made))

    async def ListConversations(
        self, request: chat_pb2.ListConversationsRequest, context: Any
    ) -> chat_pb2.ListConversationsResponse:
        """List conversations, last used first."""
        size = page_size(request.page_size, **_PAGE)
        page = await self._conversations.list_page(caller_owner(), size=size, token=request.page_token)
        return chat_pb2.ListConversationsResponse(
            conversations=[conversation_to_proto(item) for item in page.items], next_page_token=page.next_token
        )

    async def GetConversation(
        self, request: chat_pb2.GetConversationRequest, context: Any
    ) -> chat_pb2.GetConversationResponse:
        """Return one conversation."""
        found = await self._conversations.get(caller_owner(), request.id)
        return chat_pb2.GetConversationResponse(conversation=conversation_to_proto(found))

    async def ListMessages(self, request: chat_pb2.ListMessagesRequest, context: Any) -> chat_pb2.ListMessagesResponse:
        """List messages, oldest first."""
        size = page_size(request.page_size, **_MESSAGE_PAGE)
        page = await self._conversations.messages(
            caller_owner(), request.conversation_id, size=size, token=request.page_token
        )
        return chat_pb2.ListMessagesResponse(
            messages=[message_to_proto(item) for item in page.items], next_page_token=page.next_token
        )

    async def GetPicture(self, request: chat_pb2.GetPictureRequest, context: Any) -> chat_pb2.GetPictureResponse:
        """Return a picture with its bytes."""
        found = await self._conversations.picture(caller_owner(), request.conversation_id, request.picture_id)
        return chat_pb2.GetPictureResponse(picture=picture_to_proto(found))

    async def UpdateConversation(
        self, request: chat_pb2.UpdateConversationRequest, context: Any
    ) -> chat_pb2.UpdateConversationResponse:
        """Rename a conversation or change its defaults."""
        changed = await self._conversations.update(caller_owner(), request.id, changes_from_proto(request))
        return chat_pb2.UpdateConversationResponse(conversation=conversation_to_proto(changed))

    async def DeleteConversation(
        self, request: chat_pb2.DeleteConversationRequest, context: Any
    ) -> chat_pb2.DeleteConversationResponse:
        """Delete a conversation and everything in it."""
        await self._conversations.delete(caller_owner(), request.id)
        return chat_pb2.DeleteConversationResponse()
