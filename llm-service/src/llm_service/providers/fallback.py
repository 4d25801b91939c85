"""The offline provider: rules instead of a model. Always there, last in the order, deterministic."""

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from llm_service.domain.model.event import Event, Finished, FinishReason, Started, TextDelta, ToolCallDelta
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import ProviderProfile
from llm_service.domain.model.prompt_estimate import estimate_prompt, estimate_texts
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, EventBatch, ModelCard, Provider
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ToolMode
from llm_service.domain.model.usage import Usage
from llm_service.domain.offline.answer_writer import Report
from llm_service.domain.offline.chinese import Chinese
from llm_service.domain.offline.conversation import conversation_from_messages
from llm_service.domain.offline.embedding import DIMENSIONS, hashed_vector
from llm_service.domain.offline.english import English
from llm_service.domain.offline.phrases import Wording
from llm_service.domain.offline.plan import next_step
from llm_service.domain.offline.plan_state import CallTools, Say, Step
from llm_service.domain.offline.query import Language, Remark, StructuredQuery
from llm_service.domain.offline.question_memo import QuestionMemo
from llm_service.domain.offline.shown_zone import shown_zone
from llm_service.domain.offline.toolbox import PlannedCall, Toolbox
from llm_service.domain.offline.worker import Checkpoint, RuleWorker
from llm_service.providers.dropped import as_called, left_out
from llm_service.providers.registry import ProviderServices
from penstock_kit.clock import Clock
from penstock_kit.token_estimate import characters_within, estimate_tokens

NAME: Final = "fallback"
RULES: Final = "rules"
HASHING: Final = "hashing"
# Characters of all inputs of an embedding together; about a third of a second of work.
_LONGEST_EMBEDDING: Final = 500_000
# A word with the blanks after it; of Chinese two characters at a time.
_PIECE: Final = re.compile(r"[\u3000-\u9fff\uff00-\uffef]{1,2}|[^\s\u3000-\u9fff\uff00-\uffef]+\s*|\s+")


def build(profile: ProviderProfile, services: ProviderServices) -> Provider:
    """Return the offline provider."""
    return FallbackProvider(clock=services.clock, new_id=services.new_id)


def _unmet(request: CompletionRequest) -> Iterator[str]:
    """Yield what was asked of the answer's form and rules don't do; how words are drawn is nothing to them."""
    sampling = request.sampling
    wanted = {
        "stop": bool(sampling.stop),
        "logprobs": bool(sampling.logprobs),
        "response_format": request.response_format.form is not ResponseForm.TEXT,
    }
    return (name for name, is_wanted in wanted.items() if is_wanted)


class FallbackProvider:
    """Answers questions about devices by rules, and says plainly what it can't do."""

    def __init__(self, *, clock: Clock, new_id: Callable[[str], str]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._worker = RuleWorker()
        self._memo = QuestionMemo()

    async def stream(self, request: CompletionRequest) -> AsyncGenerator[EventBatch]:
        """Yield the answer in small deltas, or the tool calls that lead to one; `n` choices are all the same."""
        started = Started(
            id=self._new_id("ans"),
            provider=NAME,
            model=RULES,
            create_time=self._clock.now(),
            dropped_params=as_called([*left_out(request), *_unmet(request)], request),
        )
        step, usage = await self._worker.run(partial(self._answer, request))
        choices = range(request.sampling.n or 1)
        if isinstance(step, CallTools):
            calls = [call for index in choices for call in self._calls(step.calls, index)]
            yield [started, *calls, Finished(reason=FinishReason.TOOL_CALLS, usage=usage)]
            return
        yield [started]
        text = _within(step.text, request)
        for piece in _PIECE.finditer(text):
            yield [TextDelta(text=piece[0], index=index) for index in choices]
        reason = FinishReason.STOP if text == step.text else FinishReason.LENGTH
        yield [Finished(reason=reason, usage=usage)]

    def _answer(self, request: CompletionRequest, checkpoint: Checkpoint) -> tuple[Step, Usage]:
        step = self._step(request, checkpoint)
        checkpoint()
        if isinstance(step, CallTools):
            made = sum(estimate_tokens(f"{call.name}{call.arguments}") for call in step.calls)
        else:
            made = estimate_tokens(_within(step.text, request))
        made *= request.sampling.n or 1
        return step, Usage(input=estimate_prompt(request), output=made, estimated=True)

    def _step(self, request: CompletionRequest, checkpoint: Checkpoint) -> Step:
        conversation = conversation_from_messages(request.messages, checkpoint, self._memo)
        checkpoint()
        now = self._clock.now().replace(microsecond=0)
        queries = conversation.queries(now, checkpoint)
        tools = Toolbox(() if request.tool_choice.mode is ToolMode.NONE else request.tools)
        degraded, begun = bool(request.failed_attempts), any(conversation.answers)
        reports = [Report(_wording(query, now), degraded=degraded, begun=begun) for query in queries]
        step = next_step(conversation, tools, list(zip(reports, queries, strict=True)))
        # What is told again because that was asked for is no answer to another question.
        again = any(each.told or any(note.remark is Remark.ONCE_MORE for note in each.notes) for each in queries)
        if isinstance(step, Say) and not again and conversation.answered_before(step.text, now):
            step = Say(text=f"{step.text}\n\n{reports[0].say.as_before(conversation.question)}")
        if isinstance(step, Say) and conversation.omitted:
            return Say(text=f"{step.text}\n\n{reports[0].say.omitted(conversation.omitted)}")
        return step

    def _calls(self, calls: Sequence[PlannedCall], index: int) -> Iterator[Event]:
        for at, call in enumerate(calls):
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            made = self._new_id("toolu")
            yield ToolCallDelta(index=index, call_index=at, id=made, name=call.name, arguments=arguments)

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return hashed word and character n-grams as unit vectors: crude, but similar texts are near each other."""
        if request.token_inputs:
            raise ProviderError(
                "the offline provider embeds texts, not token ids; send strings",
                provider=NAME,
                failure=FailureKind.UNSUPPORTED,
            )
        length = sum(map(len, request.inputs))
        if length > _LONGEST_EMBEDDING:
            raise ProviderError(
                f"the inputs are {length} characters together; the offline provider embeds at most "
                f"{_LONGEST_EMBEDDING} a request, send them in several",
                provider=NAME,
                failure=FailureKind.BAD_REQUEST,
            )
        return await self._worker.run(partial(_embed, request))

    async def list_models(self) -> Sequence[ModelCard]:
        """Return the rules and the embedding."""
        return (ModelCard(id=RULES), ModelCard(id=HASHING, capabilities=("embedding",)))

    async def close(self) -> None:
        """Start no further work."""
        self._worker.close()


def _within(text: str, request: CompletionRequest) -> str:
    """The beginning of an answer that is no more than the tokens asked for."""
    most = request.sampling.max_output_tokens
    return text if most is None else text[: characters_within(text, most)]


def _wording(query: StructuredQuery, now: datetime) -> Wording:
    times = shown_zone(query, now)
    return Chinese(times) if query.language is Language.CHINESE else English(times)


def _embed(request: EmbeddingRequest, checkpoint: Checkpoint) -> Embeddings:
    dimensions = request.dimensions or DIMENSIONS
    values = tuple(hashed_vector(text, dimensions, checkpoint) for text in request.inputs)
    return Embeddings(model=HASHING, values=values, usage=Usage(input=estimate_texts(request.inputs), estimated=True))
