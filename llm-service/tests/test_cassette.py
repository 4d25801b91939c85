"""The cassette: real traffic recorded without secrets and played back with scripted faults."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.profile import Cassette, ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest, Provider
from llm_service.providers.cassette import build
from llm_service.providers.registry import ProviderServices
from llm_service.testing import collected, question, text_of
from penstock_testkit.clock import ManualClock
from penstock_testkit.vendors.anthropic_server import AnthropicServer
from penstock_testkit.vendors.gemini_server import GeminiServer
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS

Play = Callable[..., Provider]


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "tape.jsonl"


@pytest.fixture
async def insert(clock: ManualClock, new_id: Callable[[str], str], profile: ProviderProfile) -> AsyncIterator[Play]:
    made: list[Provider] = []

    def inserted(cassette: Cassette, base_url: str = "") -> Provider:
        row = replace(profile, name="taped", dialect="cassette", base_url=base_url, cassette=cassette)
        made.append(build(row, ProviderServices(clock=clock, new_id=new_id, connect_timeout=HANG_SECONDS)))
        return made[-1]

    yield inserted
    for provider in made:
        await provider.close()


@pytest.fixture
def recorded(insert: Play, tape: Path, vendor: OpenAiServer) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Record one streamed answer and return the line of it."""

    async def record() -> dict[str, Any]:
        await collected(insert(Cassette(file=str(tape), record=True), vendor.base_url).stream(question(model="m1")))
        return orjson.loads(_read(tape))

    return record


@pytest.mark.parametrize("server", [OpenAiServer, AnthropicServer, GeminiServer])
async def test_what_was_recorded_is_played_without_the_vendor(server: Any, insert: Play, tape: Path) -> None:
    dialect = server.__name__.removesuffix("Server").lower()
    cassette = Cassette(file=str(tape), dialect=dialect)
    async with server() as live:
        recorder = insert(replace(cassette, record=True), live.base_url)
        said = await fold(recorder.stream(question(model="m1")))
    played = await fold(insert(cassette).stream(question(model="m1")))
    assert played == said
    assert played.first.text == "pong"


async def test_embeddings_are_recorded_too(insert: Play, tape: Path, vendor: OpenAiServer) -> None:
    asked = EmbeddingRequest(model="e1", inputs=("a",))
    said = await insert(Cassette(file=str(tape), record=True), vendor.base_url).embed(asked)
    assert await insert(Cassette(file=str(tape))).embed(asked) == said


async def test_no_secret_gets_onto_the_tape(insert: Play, tape: Path, vendor: OpenAiServer) -> None:
    vendor.script(Reply(chunks=("your key is sk-test-0001-abcd", "!"), chunk_delay=0.001))
    recorder = insert(Cassette(file=str(tape), record=True), vendor.base_url)
    events = await collected(recorder.stream(question("what is my secret plan?", model="m1")))
    assert "sk-test-0001-abcd" in text_of(events)
    kept = _read(tape).decode()
    assert "sk-test-0001-abcd" not in kept
    assert "authorization" not in kept.lower()
    assert "secret plan" not in kept


async def test_the_same_question_gets_its_answers_in_turn(insert: Play, tape: Path, vendor: OpenAiServer) -> None:
    recorder = insert(Cassette(file=str(tape), record=True), vendor.base_url)
    vendor.script(Reply(chunks=("one",)), Reply(chunks=("two",)))
    for _ in range(2):
        await collected(recorder.stream(question(model="m1")))
    player = insert(Cassette(file=str(tape)))
    assert [text_of(await collected(player.stream(question(model="m1")))) for _ in range(3)] == ["one", "two", "two"]


async def test_a_question_nobody_asked_is_told_as_missing(
    insert: Play, tape: Path, recorded: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    await recorded()
    with pytest.raises(ProviderError, match="has no take of this request"):
        await collected(insert(Cassette(file=str(tape))).stream(question("another", model="m1")))


FAULTS = [
    ({"status": 429, "retry_after": "7"}, FailureKind.RATE_LIMIT),
    ({"status": 503}, FailureKind.SERVER),
    ({"cut_after": 0}, FailureKind.CUT),
    ({"garbage": True}, FailureKind.PROTOCOL),
    ({"html": True, "delay": 0.01}, FailureKind.PROTOCOL),
]


@pytest.mark.parametrize(("fault", "failure"), FAULTS)
async def test_a_scripted_fault_is_what_it_would_be_with_the_vendor(
    insert: Play,
    tape: Path,
    recorded: Callable[[], Awaitable[dict[str, Any]]],
    fault: dict[str, Any],
    failure: FailureKind,
) -> None:
    _write(tape, {**await recorded(), "match": "*", "fault": fault})
    with pytest.raises(ProviderError) as caught:
        await collected(insert(Cassette(file=str(tape))).stream(question("anything", model="m1")))
    assert caught.value.failure is failure
    assert caught.value.retry_after == (7.0 if "retry_after" in fault else None)


async def test_an_answer_can_be_cut_in_its_middle(
    insert: Play, tape: Path, recorded: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    row = await recorded()
    events = [f"{event}\n\n" for event in "".join(row["chunks"]).split("\n\n") if event]
    _write(tape, {**row, "chunks": events, "fault": {"cut_after": 1}})
    with pytest.raises(ProviderError) as caught:
        await collected(insert(Cassette(file=str(tape))).stream(question(model="m1")))
    assert caught.value.failure is FailureKind.CUT


async def test_an_answer_can_be_made_to_never_end(
    insert: Play, tape: Path, recorded: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    row = await recorded()
    whole = "".join(row["chunks"])
    first = whole[: whole.index("\n\n") + 2]
    _write(tape, {**row, "chunks": [first, "never"], "fault": {"hang_after": 1}})
    batches = insert(Cassette(file=str(tape))).stream(question(model="m1"))
    assert text_of(await asyncio.wait_for(anext(batches), HANG_SECONDS)) == "po"
    waiting = asyncio.ensure_future(anext(batches))
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await batches.aclose()


@pytest.mark.parametrize("row", [None, "oops", {"match": "*"}, {"path": "/", "fault": {"explode": 1}}])
async def test_a_tape_that_can_not_be_read_is_told_with_its_name(insert: Play, tape: Path, row: object) -> None:
    if row is not None:
        _write(tape, row)
    with pytest.raises(ProviderError, match=r"can't play its cassette.*tape\.jsonl") as caught:
        await collected(insert(Cassette(file=str(tape))).stream(question(model="m1")))
    assert caught.value.failure is FailureKind.UNSUPPORTED


def _write(tape: Path, row: object) -> None:
    tape.write_bytes(orjson.dumps(row))


def _read(tape: Path) -> bytes:
    return tape.read_bytes()
