"""One round of tool calls: planned from a reply, run in parallel, told to the model."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass

from chat_stream_service.domain.model.engine import Turn
from chat_stream_service.domain.model.event import ToolCall, ToolResult
from chat_stream_service.domain.model.message import PromptMessage, Role
from chat_stream_service.domain.tools.tool_box import ToolBox
from chat_stream_service.domain.turn.reply import Reply
from penstock_kit.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """A call as the reader sees it, and the arguments as the model wrote them, which need not be JSON."""

    event: ToolCall
    raw_arguments: str


def plan_calls(reply: Reply, seen_ids: set[str]) -> tuple[PlannedCall, ...]:
    """Return the calls of `reply`, their ids unique in the turn."""
    return tuple(
        PlannedCall(
            event=ToolCall(tool_call_id=call.id, name=call.name, arguments_json=_object_text(call.arguments)),
            raw_arguments=call.arguments,
        )
        for call in reply.calls(seen_ids)
    )


def tool_messages(
    reply: Reply, planned: Iterable[PlannedCall], results: Sequence[ToolResult]
) -> tuple[PromptMessage, ...]:
    """Return what the next model call is told of a round: the assistant's message, then the results in its order."""
    calls = tuple(call.event for call in planned)
    by_id = {result.tool_call_id: result for result in results}
    said = PromptMessage(
        role=Role.ASSISTANT,
        content=reply.text,
        tool_calls=calls,
        thoughts=reply.thoughts,
    )
    return (said, *(_answer(by_id[call.tool_call_id]) for call in calls))


class ToolRounds:
    """Runs the tool calls of one turn, round after round, within the turn's number of calls."""

    def __init__(self, tools: ToolBox, turn: Turn, clock: Clock, *, max_calls: int) -> None:
        self._tools = tools
        self._names = turn.persona.tools
        self._timeline = turn.timeline
        self._clock = clock
        self._max_calls = max_calls
        self._used = 0
        self._gate = asyncio.Semaphore(tools.max_parallel)
        self._context = tools.context(
            tenant_id=turn.tenant_id,
            user_id=turn.user_id,
            conversation_id=turn.conversation_id,
            stream_id=turn.stream_id,
        )

    @property
    def calls_left(self) -> int:
        """How many more calls the turn may make."""
        return max(0, self._max_calls - self._used)

    async def run(self, planned: Sequence[PlannedCall]) -> AsyncGenerator[ToolResult]:
        """Yield the results as they come; closing the generator cancels what still runs."""
        allowed = self.calls_left
        self._used += len(planned)
        for call in planned[allowed:]:
            yield self._refused(call.event)
        tasks = [asyncio.create_task(self._call(call)) for call in planned[:allowed]]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _call(self, call: PlannedCall) -> ToolResult:
        async with self._gate:
            began = self._clock.monotonic()
            result = await self._tools.call(call.event, call.raw_arguments, self._context, names=self._names)
            self._timeline.record(f"tool:{call.event.name}", self._clock.monotonic() - began)
            return result

    def _refused(self, call: ToolCall) -> ToolResult:
        text = f"not run: an answer may make {self._max_calls} tool calls in all; answer with what you have"
        return ToolResult(tool_call_id=call.tool_call_id, name=call.name, content=text, is_error=True)


def _object_text(raw: str) -> str:
    """Return `raw` when it is a JSON object, else an empty one: readers and vendors are promised an object."""
    try:
        return raw if isinstance(json.loads(raw), dict) else "{}"
    except (ValueError, RecursionError):
        return "{}"


def _answer(result: ToolResult) -> PromptMessage:
    return PromptMessage(
        role=Role.TOOL,
        content=result.content,
        tool_call_id=result.tool_call_id,
        name=result.name,
        is_error=result.is_error,
    )
