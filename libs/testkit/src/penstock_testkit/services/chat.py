"""A scripted chat-stream-service with conversations in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.chat.v1 import chat_pb2 as pb
from penstock.chat.v1.chat_pb2_grpc import (
    ConversationServiceServicer,
    EngineServiceServicer,
    StreamServiceServicer,
)
from penstock.common.v1.common_pb2 import ComponentStatus

from penstock_kit.context import Caller, current_context
from penstock_kit.errors import NotFound
from penstock_testkit.services.script import Step, play

NOW = Timestamp(seconds=1_790_000_000, nanos=123_000_000)


def turn(*texts: str, stream_id: str = "str_1") -> list[Step]:
    """Return the script of a turn with one tool call that says `texts`."""
    events = [
        pb.ChatEvent(tool_call=pb.ToolCalled(tool_call_id="c1", name="list_devices", arguments_json='{"limit":5}')),
        pb.ChatEvent(tool_result=pb.ToolResult(tool_call_id="c1", name="list_devices", content="WLD001")),
        *(pb.ChatEvent(message_chunk=pb.MessageChunk(content=text)) for text in texts),
        pb.ChatEvent(
            complete_state=pb.CompleteState(
                status=pb.CompleteState.STATUS_COMPLETED, content="".join(texts), finish_reason="stop"
            )
        ),
    ]
    for sequence, event in enumerate(events, 1):
        event.stream_id, event.sequence = stream_id, sequence
        event.create_time.CopyFrom(NOW)
    return [[event] for event in events]


class FakeChat(StreamServiceServicer, ConversationServiceServicer, EngineServiceServicer):
    """Plays `script` to StreamChat and `resumed` to ReadStream; only a tenant's user sees its conversations."""

    def __init__(self) -> None:
        self.script: Sequence[Step] = turn("Hel", "lo")
        self.resumed: Sequence[Step] = self.script
        self.asked: list[pb.StreamChatRequest] = []
        self.read: list[pb.ReadStreamRequest] = []
        self.callers: list[Caller] = []
        self.pictures: list[pb.Picture] = []
        self.conversations: dict[tuple[str, str], pb.Conversation] = {}
        self.engine = "chat_engine"

    async def StreamChat(  # noqa: N802 - the RPC's name
        self, request: pb.StreamChatRequest, context: Any
    ) -> AsyncIterator[pb.StreamChatResponse]:
        """Play `script`."""
        self.callers.append(current_context().caller)
        self._own(request.conversation_id)
        self.asked.append(request)
        async for events in play(self.script):
            yield pb.StreamChatResponse(events=events)

    async def ReadStream(  # noqa: N802
        self, request: pb.ReadStreamRequest, context: Any
    ) -> AsyncIterator[pb.ReadStreamResponse]:
        """Play the events of `resumed` after the asked sequence."""
        self.callers.append(current_context().caller)
        self.read.append(request)
        async for events in play(self.resumed):
            wanted = [event for event in events if event.sequence > request.after_sequence]
            if wanted:
                yield pb.ReadStreamResponse(events=wanted)

    async def GetStream(self, request: pb.GetStreamRequest, context: Any) -> pb.GetStreamResponse:  # noqa: N802
        """Know every stream whose id begins with str_."""
        if not request.stream_id.startswith("str_"):
            raise NotFound(f"there is no stream {request.stream_id!r}", reason="STREAM_NOT_FOUND")
        return pb.GetStreamResponse(stream_id=request.stream_id, status="completed", last_sequence=5)

    async def StopStream(self, request: pb.StopStreamRequest, context: Any) -> pb.StopStreamResponse:  # noqa: N802
        """Say that it was stopped."""
        return pb.StopStreamResponse(stopped=True)

    async def GetStreamHealth(  # noqa: N802
        self, request: pb.GetStreamHealthRequest, context: Any
    ) -> pb.GetStreamHealthResponse:
        """Answer with fixed numbers."""
        return pb.GetStreamHealthResponse(active_connections=2, event_log="memory", outcomes={"completed": 3})

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Be well."""
        return pb.GetStatusResponse(components=[ComponentStatus(name="database", state="ok")], rss_bytes=1024 * 1024)

    async def CreateConversation(  # noqa: N802
        self, request: pb.CreateConversationRequest, context: Any
    ) -> pb.CreateConversationResponse:
        """Keep a conversation of the caller."""
        identity = f"conv_{len(self.conversations) + 1}"
        made = pb.Conversation(id=identity, title=request.title, model=request.model, create_time=NOW)
        self.conversations[self._owner(), identity] = made
        return pb.CreateConversationResponse(conversation=made)

    async def ListConversations(  # noqa: N802
        self, request: pb.ListConversationsRequest, context: Any
    ) -> pb.ListConversationsResponse:
        """List the caller's conversations."""
        own = [made for (owner, _), made in self.conversations.items() if owner == self._owner()]
        return pb.ListConversationsResponse(conversations=own)

    async def GetConversation(  # noqa: N802
        self, request: pb.GetConversationRequest, context: Any
    ) -> pb.GetConversationResponse:
        """Return the caller's conversation."""
        return pb.GetConversationResponse(conversation=self._own(request.id))

    async def ListMessages(  # noqa: N802
        self, request: pb.ListMessagesRequest, context: Any
    ) -> pb.ListMessagesResponse:
        """Return one message, with the pictures of the fake without their data."""
        self._own(request.conversation_id)
        message = pb.Message(id="msg_1", conversation_id=request.conversation_id, role="user", content="hi")
        message.pictures.extend(
            pb.Picture(id=each.id, media_type=each.media_type, size_bytes=len(each.data)) for each in self.pictures
        )
        return pb.ListMessagesResponse(messages=[message])

    async def GetPicture(self, request: pb.GetPictureRequest, context: Any) -> pb.GetPictureResponse:  # noqa: N802
        """Return a picture of the fake."""
        self._own(request.conversation_id)
        for each in self.pictures:
            if each.id == request.picture_id:
                return pb.GetPictureResponse(picture=each)
        raise NotFound(f"there is no picture {request.picture_id!r}", reason="PICTURE_NOT_FOUND")

    async def UpdateConversation(  # noqa: N802
        self, request: pb.UpdateConversationRequest, context: Any
    ) -> pb.UpdateConversationResponse:
        """Change the title."""
        made = self._own(request.id)
        if request.HasField("title"):
            made.title = request.title
        return pb.UpdateConversationResponse(conversation=made)

    async def DeleteConversation(  # noqa: N802
        self, request: pb.DeleteConversationRequest, context: Any
    ) -> pb.DeleteConversationResponse:
        """Forget a conversation."""
        self._own(request.id)
        del self.conversations[self._owner(), request.id]
        return pb.DeleteConversationResponse()

    async def ListEngines(self, request: pb.ListEnginesRequest, context: Any) -> pb.ListEnginesResponse:  # noqa: N802
        """Know two engines."""
        engines = [
            pb.Engine(name=name, current=name == self.engine, healthy=True) for name in ("chat_engine", "mem0_proxy")
        ]
        return pb.ListEnginesResponse(engines=engines, current=self.engine)

    async def SetCurrentEngine(  # noqa: N802
        self, request: pb.SetCurrentEngineRequest, context: Any
    ) -> pb.SetCurrentEngineResponse:
        """Switch."""
        previous, self.engine = self.engine, request.name
        return pb.SetCurrentEngineResponse(current=self.engine, previous=previous)

    def _own(self, identity: str) -> pb.Conversation:
        made = self.conversations.get((self._owner(), identity))
        if made is None:
            raise NotFound(f"there is no conversation {identity!r}", reason="CONVERSATION_NOT_FOUND")
        return made

    def _owner(self) -> str:
        caller = current_context().caller
        return f"{caller.tenant_id}/{caller.user_id}"
