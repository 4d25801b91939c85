"""The engine of our own: rounds of model call and tools until the model has said all."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from chat_stream_service.domain.memory.engine_memory import EngineMemory, owner_of
from chat_stream_service.domain.model.component import Component
from chat_stream_service.domain.model.conversation import Owner
from chat_stream_service.domain.model.engine import EngineHealth, EngineInfo, RoundFinished, Turn, TurnEvent
from chat_stream_service.domain.model.event import ToolResult
from chat_stream_service.domain.model.language_model import LanguageModel, ModelEvent, ModelRequest
from chat_stream_service.domain.model.memory import Note
from chat_stream_service.domain.model.message import PARAGRAPH, PromptMessage
from chat_stream_service.domain.tools.tool_box import ToolBox
from chat_stream_service.domain.turn.prompt import prompt_messages
from chat_stream_service.domain.turn.reply import Reply
from chat_stream_service.domain.turn.tool_round import ToolRounds, plan_calls, tool_messages
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream, PenstockError, Unprocessable

# The provider that answers by rules; what it says without a tool is how to configure another.
_OFFLINE: Final = "fallback"
# After these the calls of a reply are incomplete or not wanted any more.
_CUT_SHORT: Final = frozenset({"length", "content_filter", "budget_exceeded"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """Bounds of a turn: model calls with tools, tool calls in all, tokens a chunk and of history."""

    max_rounds: int = 8
    max_tool_calls: int = 32
    max_chunk_tokens: int = 50
    history_tokens: int = 16_000


class ChatEngine:
    """Asks the model, runs the tools it calls (in parallel), tells it the results, and so on for some rounds.

    After the last round the model is asked once more and may not call tools, so that it answers with what it has.
    Before the first it looks into its memory, after the last it gives the turn to it. Two engines may differ in
    nothing but their memory.
    """

    def __init__(
        self,
        *,
        info: EngineInfo,
        model: LanguageModel,
        tools: ToolBox,
        memory: EngineMemory,
        limits: TurnLimits,
        clock: Clock,
        new_id: Callable[[str], str],
        provider: Component,
    ) -> None:
        self._info = info
        self._model = model
        self._memory = memory
        self._tools = tools
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._provider = provider

    def look_ahead(self, owner: Owner, question: PromptMessage) -> asyncio.Task[Sequence[Note]]:
        """Begin to look into memory, which needs no history."""
        return asyncio.create_task(self._memory.recall(owner, question))

    async def generate_response(self, turn: Turn) -> AsyncGenerator[Sequence[TurnEvent]]:
        """Yield the turn's events; see :class:`chat_stream_service.domain.model.engine.Engine`."""
        with turn.timeline.measure("memory"):
            notes = await (turn.ahead or self.look_ahead(owner_of(turn), turn.question))
        turn = replace(turn, ahead=None)  # its notes are of no use while the answer comes
        request = self._first_request(turn, notes)
        del notes
        rounds = ToolRounds(self._tools, turn, self._clock, max_calls=self._limits.max_tool_calls)
        call_ids: set[str] = set()
        said: list[str] = []
        for number in range(self._limits.max_rounds + 1):
            may_call = bool(request.tools) and number < self._limits.max_rounds and rounds.calls_left > 0
            lead = PARAGRAPH if said else ""
            reply = Reply(max_chunk_tokens=self._limits.max_chunk_tokens, new_id=self._new_id, lead=lead)
            began = self._clock.monotonic()
            async with aclosing(self._model.stream(replace(request, use_tools=may_call))) as stream:
                async for batch in stream:
                    if events := self._fold(turn, batch, reply, began):
                        yield events
            turn.timeline.record("llm", self._clock.monotonic() - began)
            said += [reply.text] if reply.text else []
            finished = _finish(reply)
            planned = plan_calls(reply, call_ids) if may_call and finished.finish_reason not in _CUT_SHORT else ()
            yield [*(call.event for call in planned), finished]
            if not planned and not reply.text.strip() and finished.finish_reason != "budget_exceeded":
                raise _empty_answer_error(finished.finish_reason)
            if not planned:
                self._remember(turn, reply, said, used_tools=bool(call_ids))
                return
            results: list[ToolResult] = []
            async with aclosing(rounds.run(planned)) as answers:
                async for result in answers:
                    results.append(result)
                    yield [result]
            request = replace(request, messages=(*request.messages, *tool_messages(reply, planned, results)))

    def get_engine_info(self) -> EngineInfo:
        """Return what this engine is."""
        return self._info

    async def health_check(self) -> EngineHealth:
        """Return whether llm-service can be asked and the memory remembers."""
        status, memory = await asyncio.gather(self._provider.status(), self._memory.health())
        details = filter(None, (status.detail, memory.detail))
        return EngineHealth(healthy=status.state != "down" and memory.healthy, detail="; ".join(details))

    def _first_request(self, turn: Turn, notes: Sequence[Note]) -> ModelRequest:
        specs = self._tools.specs(turn.persona.tools) if turn.use_tools else ()
        messages = prompt_messages(
            turn,
            now=self._clock.now(),
            history_tokens=self._limits.history_tokens,
            tools=bool(specs),
            notes=notes,
        )
        return ModelRequest(
            messages=messages,
            tools=specs,
            model=turn.model,
            temperature=turn.persona.temperature,
            cache=turn.cache,
        )

    def _remember(self, turn: Turn, reply: Reply, said: Sequence[str], *, used_tools: bool) -> None:
        """Give the turn to memory, unless nothing was said but that there is no model to say anything."""
        offline = reply.started is not None and reply.started.provider == _OFFLINE
        if said and (used_tools or not offline):
            self._memory.keep(turn, PARAGRAPH.join(said), offline=offline)

    def _fold(self, turn: Turn, batch: Sequence[ModelEvent], reply: Reply, began: float) -> Sequence[TurnEvent]:
        """Fold what the model said into `reply` and return the events of the turn that it makes."""
        turn.timeline.record_once("llm_first_event", self._clock.monotonic() - began)
        before = reply.started
        events = reply.add_batch(batch)
        if reply.started is not None and reply.started is not before:
            turn.timeline.provider, turn.timeline.cache = reply.started.provider, reply.started.cache
        return events


def _empty_answer_error(finish_reason: str) -> PenstockError:
    """Return why an answer has no word: its asker must not take it for one."""
    match finish_reason:
        case "content_filter":
            text = "the model's provider withheld the answer (content filter); ask in other words, or another model"
            return Unprocessable(text, reason="ANSWER_FILTERED")
        case "length":
            text = "the model used up its tokens before the first word; ask for less, or a model that takes more"
            return BadUpstream(text, reason="ANSWER_EMPTY")
        case _:
            return BadUpstream("the model answered without a word; ask again, or another model", reason="ANSWER_EMPTY")


def _finish(reply: Reply) -> RoundFinished:
    if reply.finished is None:
        raise BadUpstream("the model's answer ended without a finish; ask again", reason="PROVIDER_INTERRUPTED")
    end = reply.finished
    return RoundFinished(finish_reason=end.finish_reason, usage=end.usage, cost=end.cost)
