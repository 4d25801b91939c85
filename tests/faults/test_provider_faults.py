"""The provider rows of the fault table, against the real service; upstream calls are counted."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from penstock.llm.v1 import llm_pb2

from penstock_kit.errors import (
    BadUpstream,
    DeadlineExceeded,
    NotFound,
    PenstockError,
    ResourceExhausted,
    Unavailable,
)
from penstock_testkit.servers.process import free_port
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from penstock_testkit.waiting import HANG_SECONDS, assert_within
from tests.faults.llm_in_process import ADMIN, Llm, as_caller, completion, running


@dataclass(frozen=True)
class Two:
    """The service with two vendors, `first` and `second`."""

    llm: Llm
    first: OpenAiServer
    second: OpenAiServer

    @property
    def calls(self) -> int:
        """Upstream calls made."""
        return len(self.first.received) + len(self.second.received)


def config(first: str, second: str) -> str:
    return f"""
providers:
  - {{name: first, base_url: "{first}", models: [m], api_key_env: ""}}
  - {{name: second, base_url: "{second}", models: [m]}}
prices:
  - {{provider: first, model: m, input: 1, output: 2}}
  - {{provider: second, model: m, input: 1, output: 2}}
"""


@pytest.fixture
async def two(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Two]:
    """The service, with the settings that a test parametrizes it with."""
    settings: dict[str, float] = getattr(request, "param", {})
    async with (
        OpenAiServer() as first,
        OpenAiServer() as second,
        running(tmp_path, config(first.base_url, second.base_url), **settings) as llm,
    ):
        yield Two(llm=llm, first=first, second=second)


def kinds(started: llm_pb2.Started) -> list[str]:
    return [f"{attempt.provider}:{attempt.error_kind}" for attempt in started.failed_attempts]


async def test_a_429_goes_to_the_next_provider_at_once_and_the_first_rests_that_long(two: Two) -> None:
    await two.llm.complete("first/m")
    await two.llm.complete("second/m")
    two.first.script(Reply(status=429, headers={"retry-after": "30"}))
    began, asked = time.monotonic(), time.time()
    answer = await two.llm.complete()
    assert_within(time.monotonic() - began, 1)
    answered = time.time()
    assert (answer.started.provider, answer.started.degraded) == ("second", True)
    assert kinds(answer.started) == ["first:rate_limit"]
    before = len(two.first.received)
    for _ in range(5):
        assert (await two.llm.complete()).started.provider == "second"
    assert len(two.first.received) == before
    state = await two.llm.provider("first")
    assert asked + 28 <= state.cooldown_until.ToSeconds() <= answered + 31, "the two clocks may differ a little"


@pytest.mark.parametrize("status", [500, 502, 503, 529])
async def test_a_vendor_that_always_fails_is_stood_in_for_and_its_breaker_opens(two: Two, status: int) -> None:
    two.first.default = Reply(status=status)
    for _ in range(20):
        answer = await two.llm.complete()
        assert (answer.started.provider, answer.started.degraded) == ("second", True)
    assert len(two.first.received) <= 6
    state = await two.llm.provider("first")
    assert (state.breaker_state, state.last_error_kind) == ("open", "breaker_open")
    explained = await two.llm.llm.ExplainRoute(llm_pb2.ExplainRouteRequest())
    assert [candidate.eligible for candidate in explained.candidates] == [False, True, True]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_dead_and_the_caller_sees_a_bad_upstream(two: Two, status: int) -> None:
    two.first.default = Reply(status=status, error="Incorrect API key provided: sk-abc")
    for _ in range(3):
        with pytest.raises(BadUpstream, match="refused our credentials"):
            await two.llm.complete("first/m")
    assert len(two.first.received) == 1
    assert (await two.llm.complete()).started.provider == "second"


async def test_a_model_that_is_forbidden_is_that_callers_error_and_the_key_goes_on(two: Two) -> None:
    two.first.script(Reply(status=403, error="no access to model", code="model_not_found"))
    with pytest.raises(NotFound, match="no access to model"):
        await two.llm.complete("first/secret")
    assert (await two.llm.complete("first/m")).started.provider == "first"
    assert (await two.llm.provider("first")).breaker_state == "closed"


async def test_a_limit_of_one_model_leaves_the_others_in_use(two: Two) -> None:
    two.first.script(Reply(status=429, error="slow down"))
    with pytest.raises(ResourceExhausted) as caught:
        await two.llm.complete("first/busy")
    assert caught.value.retry_after == 10.0
    assert (await two.llm.complete("first/m")).started.provider == "first"
    with pytest.raises(Unavailable, match="first/busy is not asked for another"):
        await two.llm.complete("first/busy")


async def test_a_vendor_that_can_not_be_reached_is_stood_in_for(tmp_path: Path) -> None:
    async with OpenAiServer() as second:
        nowhere = f"http://127.0.0.1:{free_port()}/v1"
        async with running(tmp_path, config(nowhere, second.base_url)) as llm:
            answer = await llm.complete()
    assert kinds(answer.started) == ["first:connect"]


# The other vendor has as long.
@pytest.mark.parametrize("two", [{"LLM_FIRST_TOKEN_TIMEOUT": 3.0}], indirect=True)
async def test_silence_after_the_headers_ends_in_failover(two: Two) -> None:
    two.first.script(Reply(hang_after=0))
    events = await two.llm.stream()
    assert kinds(events[0].started) == ["first:first_token_timeout"]
    assert events[-1].finished.finish_reason == "stop"
    await two.first.wait_abandoned()


@pytest.mark.parametrize("two", [{"LLM_IDLE_TIMEOUT": 0.3}], indirect=True)
async def test_a_stall_in_mid_stream_is_an_error_with_the_text_so_far_billed(two: Two) -> None:
    two.first.script(Reply(chunks=("some words ", "more"), hang_after=1))
    with pytest.raises(BadUpstream, match="stopped in the middle"):
        await two.llm.stream()
    [row] = await two.llm.ledger()
    assert (row.outcome, row.error_kind, row.usage.estimated) == ("error", "idle_timeout", True)
    assert row.usage.output_tokens > 0
    assert row.cost.amount
    assert not two.second.received


BROKEN = {
    "HTML": Reply(raw=b"<html>gateway</html>", content_type="text/html"),
    "bad JSON": Reply(raw=b'data: {"choices": [\n\n', content_type="text/event-stream"),
    "bad UTF-8": Reply(raw=b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n'),
    "a 10 MB line": Reply(raw=b"data: no end ", raw_times=800_000),
    "nothing": Reply(raw=b""),
    "no finish reason": Reply(chunks=(), finish_reason=None),
}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN.keys())
async def test_nonsense_before_content_goes_to_the_next_provider(two: Two, reply: Reply) -> None:
    two.first.script(reply)
    events = await two.llm.stream()
    assert events[0].started.provider == "second"
    assert events[-1].finished.finish_reason == "stop"


@pytest.mark.parametrize(
    "reply",
    [Reply(chunks=("a", "b"), chunk_delay=0.05, cut_after=1), Reply(chunks=("a", "b"), finish_reason=None)],
    ids=["cut", "no finish"],
)
async def test_an_answer_that_breaks_off_is_never_a_silent_stop(two: Two, reply: Reply) -> None:
    two.first.script(reply)
    with pytest.raises(BadUpstream):
        await two.llm.stream()
    assert [row.outcome for row in await two.llm.ledger()] == ["error"]


async def test_with_all_vendors_down_the_offline_provider_answers_and_calls_stay_few(two: Two) -> None:
    two.first.default = two.second.default = Reply(status=503)
    requests = 100
    for _ in range(requests):
        answer = await two.llm.complete()
        assert (answer.started.provider, answer.started.degraded) == ("fallback", True)
    assert two.calls <= 1.1 * requests


async def test_with_all_vendors_down_and_no_stand_in_the_caller_is_told_when_to_come_again(two: Two) -> None:
    two.first.default = two.second.default = Reply(status=500)
    requests, slowest = 60, 0.0
    for at in range(requests):
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await two.llm.complete(exclude_providers=["fallback"])
        assert caught.value.retry_after
        if at > 20:
            slowest = max(slowest, time.monotonic() - began)
    assert two.calls <= 1.1 * requests
    assert_within(slowest, 1, "a refusal")


async def test_a_caller_that_leaves_before_the_first_token_closes_the_vendors_call(two: Two) -> None:
    two.first.script(Reply(hang_after=0))
    request = llm_pb2.StreamCompleteRequest(completion=completion("ping", model="first/m"))
    call = two.llm.llm.StreamComplete(request, timeout=HANG_SECONDS)
    reading = asyncio.ensure_future(anext(aiter(call)))
    await two.first.wait_streaming()
    reading.cancel()
    call.cancel()
    await two.first.wait_abandoned()
    assert [row.outcome for row in await two.llm.wait_rows(1)] == ["cancelled"]


async def test_a_caller_that_leaves_an_answer_that_is_not_streamed_closes_the_vendors_call(two: Two) -> None:
    two.first.script(Reply(hang_after=0))
    asking = asyncio.create_task(two.llm.complete("first/m"))
    await two.first.wait_streaming()
    asking.cancel()
    await two.first.wait_abandoned()
    assert [row.outcome for row in await two.llm.wait_rows(1)] == ["cancelled"]


async def test_a_deadline_of_the_caller_ends_the_vendors_call(two: Two) -> None:
    two.first.script(Reply(hang_after=0))
    request = llm_pb2.CompleteRequest(completion=completion("ping", model="first/m"))
    seconds = 1.0
    while not two.first.received:  # on a busy machine the time may be over before the vendor is asked
        with pytest.raises(DeadlineExceeded):
            await two.llm.llm.Complete(request, timeout=seconds)
        seconds *= 4
    await two.first.wait_abandoned()


async def test_a_broken_configuration_keeps_the_old_one_and_is_visible(two: Two, tmp_path: Path) -> None:
    (tmp_path / "llm.yaml").write_text("providers: nonsense")
    async with asyncio.timeout(HANG_SECONDS):
        state = llm_pb2.ListProvidersResponse()
        while not state.configuration_error:
            with as_caller(ADMIN):
                state = await two.llm.llm.ListProviders(llm_pb2.ListProvidersRequest())
    assert "providers" in state.configuration_error
    assert (await two.llm.complete()).started.provider == "first"


async def test_hedging_takes_the_faster_one_and_settles_the_other(two: Two) -> None:
    await two.llm.complete("first/m")
    await two.llm.complete("second/m")
    two.first.script(Reply(hang_after=0))
    events = await two.llm.stream(policy="hedge")
    assert events[0].started.provider == "second"
    await two.first.wait_abandoned()
    rows = await two.llm.wait_rows(4)
    assert sorted((row.provider, row.outcome) for row in rows) == [
        ("first", "cancelled"),
        ("first", "ok"),
        ("second", "ok"),
        ("second", "ok"),
    ]


async def test_every_failure_has_a_reason_of_ours(two: Two) -> None:
    two.first.script(Reply(status=400, error="bad knob"))
    with pytest.raises(PenstockError, match="bad knob") as caught:
        await two.llm.complete("first/m")
    assert caught.value.reason == "PROVIDER_REQUEST_INVALID"
