"""Reads prompts about devices: with a model where one is configured, by the rules otherwise."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from llm_service.domain.billing.metering import CompletionSource
from llm_service.domain.model.completion import fold
from llm_service.domain.model.failure import ProviderError
from llm_service.domain.model.message import Role, text_message
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ResponseFormat, Sampling
from llm_service.domain.model.route import FALLBACK, Route
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.query import StructuredQuery
from llm_service.domain.offline.worker import Checkpoint, RuleWorker
from llm_service.domain.parsing.model_query import QUERY_SCHEMA, query_from_text
from llm_service.domain.reuse.idempotency import fingerprint_of, scoped_key
from llm_service.domain.reuse.idempotent_execution import IdempotentExecution

_ANSWER_TOKENS: Final = 1000
_SECONDS: Final = 20.0
_SHOWN: Final = 200
_INSTRUCTION: Final = (
    "Say what the user's question about devices and their telemetry asks for, as one JSON object that fits the schema. "
    "Copy the names of devices and fields as they are spelled among the known ones, else as the user wrote them. "
    "Times are ISO 8601 with the zone's offset, the end exclusive; null when the user names none. "
    "The intent is chat when the question is not about devices. Never answer the question itself."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question in words. `now` is what "now" means in it, in the asker's zone; `model` may be empty."""

    text: str
    now: datetime
    known_devices: tuple[str, ...] = ()
    known_fields: tuple[str, ...] = ()
    model: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedPrompt:
    """What the prompt asks for, read by "model" or "rules" of `provider`."""

    query: StructuredQuery
    source: str
    provider: str


class PromptParser:
    """Asks the model of the route. Where there is none, it fails, takes longer than `seconds` or writes nonsense, the
    rules read."""

    def __init__(
        self,
        completions: CompletionSource,
        *,
        route: Callable[[CompletionRequest], Route],
        execution: IdempotentExecution[ParsedPrompt],
        seconds: float = _SECONDS,
    ) -> None:
        self._completions = completions
        self._route = route
        self._execution = execution
        self._seconds = seconds
        self._worker = RuleWorker()

    async def parse(self, prompt: Prompt) -> ParsedPrompt:
        """Return what `prompt` asks for.

        Raises NotFound for a model nobody has, PermissionDenied for one the caller may not use, ResourceExhausted
        when a budget or a rate is used up, and what `IdempotentExecution` raises.
        """
        if not prompt.idempotency_key:
            return await self._parse(prompt)
        # What "now" means is not part of the question: it is another one at every try.
        asked = replace(prompt, idempotency_key="", now=datetime.min)
        key, question = scoped_key(prompt.idempotency_key), fingerprint_of(asked)
        async with aclosing(self._execution.run(key, question, lambda: self._one(prompt))) as found:
            return await anext(found)

    async def _one(self, prompt: Prompt) -> AsyncGenerator[ParsedPrompt]:
        yield await self._parse(prompt)

    async def _parse(self, prompt: Prompt) -> ParsedPrompt:
        question = _question(prompt)
        route = self._route(question)
        question = replace(question, route=route)
        if any(candidate.provider != FALLBACK for candidate in route.candidates):
            try:
                async with asyncio.timeout(self._seconds):
                    parsed = await self._ask_model(question, prompt)
                    if parsed is not None:
                        return parsed
            except (ProviderError, TimeoutError):
                pass
        return await self._worker.run(partial(_by_rules, prompt))

    async def _ask_model(self, question: CompletionRequest, prompt: Prompt) -> ParsedPrompt | None:
        async with aclosing(self._completions.stream(question)) as batches:
            answer = await fold(batches)
        query = query_from_text(answer.first.text, prompt.now)
        if query is None or answer.started.provider == FALLBACK:
            return None
        return ParsedPrompt(query=query, source="model", provider=answer.started.provider)


def _by_rules(prompt: Prompt, checkpoint: Checkpoint) -> ParsedPrompt:
    checkpoint()
    query = parse_prompt(prompt.text, prompt.now, known_devices=prompt.known_devices, known_fields=prompt.known_fields)
    return ParsedPrompt(query=query, source="rules", provider=FALLBACK)


def _question(prompt: Prompt) -> CompletionRequest:
    known = {"devices": prompt.known_devices, "fields": prompt.known_fields}
    lines = [f"Known {what}: {', '.join(names[:_SHOWN])}" for what, names in known.items() if names]
    told = "\n".join([_INSTRUCTION, f"Now it is {prompt.now.isoformat(timespec='seconds')}.", *lines])
    return CompletionRequest(
        messages=(text_message(Role.SYSTEM, told), text_message(Role.USER, prompt.text)),
        model=prompt.model,
        streaming=False,
        response_format=ResponseFormat(
            form=ResponseForm.JSON_SCHEMA, name="device_query", schema=QUERY_SCHEMA, strict=True
        ),
        sampling=Sampling(max_output_tokens=_ANSWER_TOKENS),
        surface="parse",
    )
