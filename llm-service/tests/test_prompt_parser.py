"""Prompts are read by a model with a schema where there is one, by the rules where there is none or it fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from llm_service.adapters.idempotency_codec import parsed_codec
from llm_service.domain.model.failure import FailureKind
from llm_service.domain.model.request import ResponseForm
from llm_service.domain.model.route import FALLBACK, Candidate, Route
from llm_service.domain.offline.query import Intent, Language, Statistic
from llm_service.domain.parsing.model_query import query_from_text
from llm_service.domain.parsing.prompt_parser import Prompt, PromptParser
from llm_service.domain.reuse.idempotent_execution import Claim, ClaimState, IdempotentExecution
from llm_service.testing import ScriptedProvider
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.waiting import HANG_SECONDS

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=8)))
WRITTEN = {
    "intent": "statistics",
    "devices": ["pump-7", "pump-7"],
    "fields": ["current"],
    "statistics": ["mean"],
    "start_time": "2026-11-20T00:00:00",
    "end_time": "2026-11-21T00:00:00+08:00",
    "model_code": None,
    "language": "en",
}


class NoStore:
    """A store that is away: every claim is granted, nothing is kept."""

    async def claim(self, key: str, fingerprint: str) -> Claim:
        return Claim(state=ClaimState.CLAIMED, fingerprint=fingerprint)

    async def save(self, key: str, value: bytes) -> None:
        assert parsed_codec().decode(value)

    async def release(self, key: str) -> None: ...


def parser(
    provider: ScriptedProvider, places: Sequence[str] = ("scripted", FALLBACK), *, seconds: float = HANG_SECONDS
) -> PromptParser:
    route = Route(policy="order", candidates=tuple(Candidate(provider=name, model="m", why="") for name in places))
    return PromptParser(
        provider, route=lambda _: route, execution=IdempotentExecution(NoStore(), parsed_codec()), seconds=seconds
    )


def prompt(text: str = "mean current of pump-7 yesterday", key: str = "") -> Prompt:
    return Prompt(text=text, now=NOW, known_devices=("pump-7",), known_fields=("current",), idempotency_key=key)


async def test_a_model_reads_the_prompt_with_a_schema() -> None:
    provider = ScriptedProvider(texts=(orjson.dumps(WRITTEN).decode(),))
    parsed = await parser(provider).parse(prompt())
    assert (parsed.source, parsed.provider) == ("model", "scripted")
    query = parsed.query
    assert (query.intent, query.language) == (Intent.STATISTICS, Language.ENGLISH)
    assert (query.devices, query.fields, query.statistics) == (("pump-7",), ("current",), (Statistic.MEAN,))
    assert query.time is not None
    assert (query.time.start, query.time.end) == (
        datetime(2026, 11, 19, 16, tzinfo=UTC),
        datetime(2026, 11, 20, 16, tzinfo=UTC),
    )
    [asked] = provider.asked
    assert asked.response_format.form is ResponseForm.JSON_SCHEMA
    assert "pump-7" in asked.messages[0].text
    assert "2026-11-21T12:00:00+08:00" in asked.messages[0].text


async def test_without_a_model_the_rules_read_and_nobody_is_asked() -> None:
    provider = ScriptedProvider()
    parsed = await parser(provider, [FALLBACK]).parse(prompt())
    assert (parsed.source, parsed.provider, parsed.query.devices) == ("rules", "fallback", ("pump-7",))
    assert not provider.asked


@pytest.mark.parametrize(
    "provider",
    [
        ScriptedProvider(failures=[FailureKind.SERVER]),
        ScriptedProvider(texts=("I can't say.",)),
        ScriptedProvider(texts=('{"intent": "statistics"}',)),
        ScriptedProvider(name=FALLBACK, texts=(orjson.dumps(WRITTEN).decode(),)),
    ],
    ids=["a failure", "words", "half of it", "the offline provider"],
)
async def test_when_the_model_does_not_the_rules_read(provider: ScriptedProvider) -> None:
    parsed = await parser(provider).parse(prompt())
    assert (parsed.source, parsed.query.intent) == ("rules", Intent.STATISTICS)


async def test_one_key_is_one_call_though_now_is_later() -> None:
    provider = ScriptedProvider(texts=(orjson.dumps(WRITTEN).decode(),))
    reading = parser(provider)
    with use_context(CallContext(request_id="r", caller=Caller(user_id="alice"))):
        parsed = await asyncio.gather(*(reading.parse(prompt(key="k")) for _ in range(20)))
    assert all(each == parsed[0] for each in parsed)
    assert len(provider.asked) == 1


def test_a_fenced_answer_is_read_and_times_the_wrong_way_round_are_not() -> None:
    fenced = f"```json\n{orjson.dumps(WRITTEN).decode()}\n```"
    assert query_from_text(fenced, NOW) is not None
    backwards = WRITTEN | {"start_time": "2026-11-22T00:00:00Z"}
    assert query_from_text(orjson.dumps(backwards).decode(), NOW) is None


async def test_a_model_that_takes_too_long_is_left_to_the_rules() -> None:
    slow = ScriptedProvider(texts=('{"intent": ',), stall=True)
    async with asyncio.timeout(HANG_SECONDS):
        parsed = await parser(slow, seconds=0.05).parse(prompt())
    assert (parsed.source, parsed.provider, parsed.query.devices) == ("rules", FALLBACK, ("pump-7",))
    assert slow.closed == 1
