"""One conversation with the gateway: ask, follow the stream through broken connections, stop it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx

from penstock_cli.chat.event import Event, events
from penstock_cli.failure import CommandFailed
from penstock_cli.gateway import EXIT_UNREACHABLE, Gateway

_RESUMES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How to answer; empty for the gateway's defaults. `pictures`, in base64, go with the first question."""

    model: str = ""
    personality: str = ""
    use_tools: bool = True
    pictures: tuple[str, ...] = ()

    def body(self, question: str) -> dict[str, Any]:
        """Return the request. When this terminal goes away, the answer is of no use to anybody."""
        wishes = {"model": self.model, "personality_id": self.personality}
        given = {name: value for name, value in wishes.items() if value}
        return {"role": "user", "content": question, "use_tools": self.use_tools, "on_disconnect": "cancel", **given}


class Conversation:
    """A conversation by id, made on the first question without one."""

    def __init__(self, gateway: Gateway, wishes: Wishes, *, conversation_id: str = "") -> None:
        self._gateway = gateway
        self._wishes = wishes
        self.id = conversation_id
        self._stream_id = ""

    def ask(self, question: str) -> Iterator[Event]:
        """Yield the events of the answer up to the terminal one; resumes where a broken connection left off."""
        if not self.id:
            self.id = str(self._gateway.call("POST", "/api/v1/conversations", {})["id"])
        self._stream_id = ""
        path = f"/api/v1/conversations/{self.id}/stream"
        body = self._wishes.body(question)
        if self._wishes.pictures:
            body["pictures"] = [{"data": data} for data in self._wishes.pictures]
            self._wishes = replace(self._wishes, pictures=())  # later answers of the conversation see them too
        seen = 0
        for attempt in range(_RESUMES + 1):
            if attempt:
                path, body = f"/api/v1/streams/{self._stream_id}/events?after={seen}", None
            for event in self._read("GET" if attempt else "POST", path, body):
                seen = event.sequence
                yield event
                if event.terminal:
                    return
            if not self._stream_id:
                break
        raise CommandFailed("the stream broke off and could not be continued", exit_code=EXIT_UNREACHABLE)

    def stop(self) -> bool:
        """Stop the running answer on the server; False when there is none."""
        if not self._stream_id:
            return False
        return bool(self._gateway.call("POST", f"/api/v1/streams/{self._stream_id}/stop", {})["stopped"])

    def _read(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[Event]:
        """Yield what one connection brings; its breaking ends it quietly."""
        with self._gateway.stream(method, path, body=body) as response:
            try:
                for event in events(response.iter_lines()):
                    self._stream_id = str(event.fields.get("stream_id", "")) or self._stream_id
                    yield event
            except httpx.TransportError:
                return
