"""A turn as it is stored: the fold of its events into messages."""

from collections.abc import Callable
from typing import Final

from chat_stream_service.domain.model.engine import ModelSelected, RoundFinished, TurnEvent
from chat_stream_service.domain.model.event import MessageChunk, Status, Thinking, ToolCall, ToolResult
from chat_stream_service.domain.model.event_log import StreamHeader
from chat_stream_service.domain.model.growing_text import GrowingText
from chat_stream_service.domain.model.message import PARAGRAPH, Message, Role
from chat_stream_service.domain.model.usage import NO_COST, NO_USAGE, UNKNOWN_COST, Cost, Usage
from penstock_kit.clock import Clock
from penstock_kit.token_estimate import estimate_tokens

_UNANSWERED: Final = "not run: the answer ended before"


class Transcript:
    """Collects one assistant message per model call, each followed by the results of its tool calls.

    Also sums usage and cost over the calls; a call that was cut off is estimated, its cost unknown.
    """

    def __init__(self, header: StreamHeader, *, clock: Clock, new_id: Callable[[str], str]) -> None:
        self._header = header
        self._clock = clock
        self._new_id = new_id
        self._messages: list[Message] = []
        self._usage = NO_USAGE
        self._cost = NO_COST
        self.model = ""
        self.drops_pictures = False
        self.finish_reason = ""
        self._begin()

    def _begin(self) -> None:
        self._text = GrowingText()
        self._thinking = GrowingText()
        self._calls: list[ToolCall] = []
        self._results: dict[str, ToolResult] = {}
        self._round: RoundFinished | None = None

    def add(self, event: TurnEvent) -> None:
        """Fold one more event of the turn in."""
        match event:
            case MessageChunk(content=content):
                self._next_round()
                self._text.append(content)
            case Thinking(content=content):
                self._next_round()
                self._thinking.append(content)
            case ToolCall():
                self._calls.append(event)
            case ToolResult(tool_call_id=call_id):
                self._results[call_id] = event
            case ModelSelected(model=model, drops_pictures=drops):
                self._next_round()
                self.model, self.drops_pictures = model, drops
            case RoundFinished():
                self._next_round()
                self._round = event
                self.finish_reason = event.finish_reason
                self._usage += event.usage
                self._cost += event.cost

    @property
    def usage(self) -> Usage:
        """Usage so far, the call under way estimated by its text."""
        return self._usage + self._estimate() if self._cut_off else self._usage

    @property
    def cost(self) -> Cost:
        """Cost so far; unknown while a call is under way."""
        return UNKNOWN_COST if self._cut_off else self._cost

    def finish(self, status: Status) -> tuple[Message, ...]:
        """Return the turn's messages. The last assistant message carries `status`, even when it is empty."""
        self._close(status)
        return tuple(self._messages)

    @property
    def _cut_off(self) -> bool:
        return self._round is None and bool(self._text or self._thinking)

    def _next_round(self) -> None:
        """What comes after the results of tools belongs to the next model call."""
        if self._results:
            self._close(Status.COMPLETED)
            self._begin()

    def _estimate(self) -> Usage:
        tokens = estimate_tokens(self._text.read()) + estimate_tokens(self._thinking.read())
        return Usage(output_tokens=tokens, estimated=True)

    def _close(self, status: Status) -> None:
        usage = self._estimate() if self._round is None else self._round.usage
        self._messages.append(
            Message(
                id=self._new_id("msg"),
                conversation_id=self._header.conversation_id,
                role=Role.ASSISTANT,
                content=self._said(),
                create_time=self._clock.now(),
                stream_id=self._header.stream_id,
                model=self.model,
                tool_calls=tuple(self._calls),
                thinking=self._thinking.read(),
                usage=usage,
                status=status.value,
            )
        )
        self._messages += [self._tool_message(call) for call in self._calls]

    def _said(self) -> str:
        """Return the text of a model call, without the break that sets it off from what the calls before said.

        Joined by such breaks, the texts of a turn's messages are what was streamed.
        """
        text = self._text.read()
        spoke = any(message.content for message in self._messages if message.role is Role.ASSISTANT)
        return text.removeprefix(PARAGRAPH) if spoke else text

    def _tool_message(self, call: ToolCall) -> Message:
        result = self._results.get(call.tool_call_id)
        return Message(
            id=self._new_id("msg"),
            conversation_id=self._header.conversation_id,
            role=Role.TOOL,
            content=result.content if result else _UNANSWERED,
            create_time=self._clock.now(),
            stream_id=self._header.stream_id,
            tool_call_id=call.tool_call_id,
            name=call.name,
            is_error=result.is_error if result else True,
            status=Status.COMPLETED.value,
        )
