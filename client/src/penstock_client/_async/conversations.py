"""Conversations: ask, and follow an answer wherever it is."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from penstock_client._async.operations import AsyncConversationsOperations
from penstock_client._async.stream import AsyncAnswer
from penstock_client._call import Call, new_key
from penstock_client._resume import ReadPosition
from penstock_client.events import CompleteState


class AsyncConversations(AsyncConversationsOperations):
    """Conversations, questions and their answers as streams of typed events."""

    def ask(
        self,
        conversation_id: str,
        content: str,
        *,
        pictures: Sequence[bytes] = (),
        model: str | None = None,
        engine: str | None = None,
        personality_id: str | None = None,
        template_id: str | None = None,
        template_values: Mapping[str, str] | None = None,
        use_tools: bool = True,
        on_disconnect: Literal["detach", "cancel"] = "detach",
        on_busy: Literal["refuse", "wait"] = "refuse",
        cache: Mapping[str, Any] | None = None,
        client_id: str | None = None,
        idempotency_key: str = "",
        patience: float = 60.0,
    ) -> AsyncAnswer:
        """Ask in a conversation; the request is sent when the answer is read.

        `pictures` are files to look at: at most 4, each PNG, JPEG, GIF or WebP of at most 3 MiB. With them, `content`
        may be empty. `idempotency_key` makes asking again safe (one is made when it is left out); `patience` is for
        how many seconds without progress a broken stream is taken up again.
        """
        body = {
            "content": content,
            "pictures": [{"data": base64.b64encode(picture).decode()} for picture in pictures] or None,
            "model": model,
            "engine": engine,
            "personality_id": personality_id,
            "template_id": template_id,
            "template_values": template_values,
            "use_tools": use_tools,
            "on_disconnect": on_disconnect,
            "on_busy": on_busy,
            "cache": cache,
            "client_id": client_id,
        }
        call = Call(
            method="POST",
            path=f"/api/v1/conversations/{conversation_id}/stream",
            body=body,
            headers={"accept": "text/event-stream"},
            idempotency_key=idempotency_key or new_key(),
        )
        return AsyncAnswer(self._transport, call, patience=patience)

    async def picture(self, conversation_id: str, picture_id: str) -> bytes:
        """Return the file of a picture that belongs to a question of the conversation."""
        path = f"/api/v1/conversations/{quote(conversation_id, safe='')}/pictures/{quote(picture_id, safe='')}"
        async with self._transport.open(Call(method="GET", path=path)) as response:
            return await response.aread()

    async def ask_once(self, content: str, **options: Any) -> CompleteState:
        """Ask `content` in a new conversation and return the whole answer; `options` are those of :meth:`ask`."""
        conversation = await self.create()
        return await self.ask(str(conversation["id"]), content, **options).result()

    def resume(self, stream_id: str, *, after: int = 0, patience: float = 60.0) -> AsyncAnswer:
        """Read an answer from after event `after` on, at any gateway: 0 replays it from its beginning."""
        position = ReadPosition(stream_id=stream_id, after=after)
        path = f"/api/v1/streams/{stream_id}/events"
        call = Call(method="GET", path=path, headers=position.headers())
        return AsyncAnswer(self._transport, call, position=position, patience=patience)
