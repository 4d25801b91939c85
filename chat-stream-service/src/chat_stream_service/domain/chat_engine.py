"""The engine of our own: rounds of model call and tools until the model has said all."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from chat_stream_service.domain.component import Component
from chat_stream_service.domain.engine import EngineHealth, EngineInfo, RoundFinished, Turn, TurnEvent
from chat_stream_service.domain.event import ToolResult
from chat_stream_service.domain.language_model import LanguageModel, ModelRequest
from chat_stream_service.domain.prompt import prompt_messages
from chat_stream_service.domain.reply import Reply
from chat_stream_service.domain.tool_box import ToolBox
from chat_stream_service.domain.tool_round import ToolRounds, exchange, plan_calls
from penstock_kit.clock import Clock
from penstock_kit.errors import BadUpstream

_NAME: Final = "chat_engine"
_PARAGRAPH: Final = "\n\n"
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
    """

    def __init__(
        self,
        *,
        model: LanguageModel,
        tools: ToolBox,
        limits: TurnLimits,
        clock: Clock,
        new_id: Callable[[str], str],
        provider: Component,
        version: str,
    ) -> None:
        self._model = model
        self._tools = tools
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._provider = provider
        self._version = version

    async def generate_response(self, turn: Turn) -> AsyncGenerator[Sequence[TurnEvent]]:
        """Yield the turn's events; see :class:`chat_stream_service.domain.engine.Engine`."""
        request = self._first_request(turn)
        rounds = ToolRounds(self._tools, turn, self._clock, max_calls=self._limits.max_tool_calls)
        call_ids: set[str] = set()
        said = False
        for number in range(self._limits.max_rounds + 1):
            may_call = bool(request.tools) and number < self._limits.max_rounds and rounds.calls_left > 0
            lead = _PARAGRAPH if said else ""
            reply = Reply(max_chunk_tokens=self._limits.max_chunk_tokens, new_id=self._new_id, lead=lead)
            async with aclosing(self._ask(turn, replace(request, use_tools=may_call), reply)) as answer:
                async for events in answer:
                    yield events
            said = said or bool(reply.text)
            finished = _finish(reply)
            planned = plan_calls(reply, call_ids) if may_call and finished.finish_reason not in _CUT_SHORT else ()
            yield [*(call.event for call in planned), finished]
            if not planned:
                return
            results: list[ToolResult] = []
            async with aclosing(rounds.run(planned)) as answers:
                async for result in answers:
                    results.append(result)
                    yield [result]
            request = replace(request, messages=(*request.messages, *exchange(reply, planned, results)))

    def get_engine_info(self) -> EngineInfo:
        """Return what this engine is."""
        return EngineInfo(
            name=_NAME,
            version=self._version,
            description="Own turn loop over llm-service, with device tools and the conversation as memory.",
            features=("memory", "tools", "personalities"),
        )

    async def health_check(self) -> EngineHealth:
        """Return whether llm-service can be asked."""
        status = await self._provider.status()
        return EngineHealth(healthy=status.state != "down", detail=status.detail)

    def _first_request(self, turn: Turn) -> ModelRequest:
        specs = self._tools.specs(turn.voice.tools) if turn.use_tools else ()
        messages = prompt_messages(
            turn, now=self._clock.now(), history_tokens=self._limits.history_tokens, tools=bool(specs)
        )
        return ModelRequest(messages=messages, tools=specs, model=turn.model, temperature=turn.voice.temperature)

    async def _ask(self, turn: Turn, request: ModelRequest, reply: Reply) -> AsyncGenerator[Sequence[TurnEvent]]:
        """Yield the events of one model call and fold it into `reply`."""
        began = self._clock.monotonic()
        async with aclosing(self._model.stream(request)) as stream:
            async for batch in stream:
                turn.timeline.record_once("llm_first_event", self._clock.monotonic() - began)
                events = reply.take(batch)
                if reply.started is not None:
                    turn.timeline.provider, turn.timeline.cache = reply.started.provider, reply.started.cache
                if events:
                    yield events
        turn.timeline.record("llm", self._clock.monotonic() - began)


def _finish(reply: Reply) -> RoundFinished:
    if reply.finished is None:
        raise BadUpstream("the model's answer ended without a finish; ask again", reason="PROVIDER_CUT")
    end = reply.finished
    return RoundFinished(finish_reason=end.finish_reason, usage=end.usage, cost=end.cost)
