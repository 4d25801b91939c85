"""No prompt costs the rules more than a bounded time, none holds the event loop, and nobody's work outlives them."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_service.domain.model.completion import fold
from llm_service.domain.model.failure import FailureKind, ProviderError
from llm_service.domain.model.message import Message, Role, TextPart, ToolCall, text_message
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.request import CompletionRequest, ToolDefinition
from llm_service.domain.offline.conversation import conversation_from_messages
from llm_service.domain.offline.parse import parse_prompt
from llm_service.domain.offline.prompt import LONGEST_PROMPT, LONGEST_WORD, readable_prompt
from llm_service.domain.offline.worker import Checkpoint, RuleWorker, WorkAbandoned
from llm_service.providers.fallback import FallbackProvider
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.clock import ManualClock
from penstock_testkit.waiting import HANG_SECONDS, assert_within

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
LENGTH = 100_000
TOOLS = (ToolDefinition(name="device_statistics"),)
# Pieces of the grammar itself, where a rule that backtracks would be caught.
PIECES = [
    *["0", " ", "a", "A", "_", "-", ":", ".", "/", "'", '"', "\n", "\u3000", "一", "的", "ﷺ", "😀", "\ud83d"],
    *[
        "2020-03-09 ",
        "10:00 ",
        "9 to 10 am ",
        "WLD001 ",
        "A_b",
        "last ",
        "half an ",
        "between ",
        "list ",
        "5月",
        "过去",
    ],
    *[
        "current > ",
        "when ",
        "and ",
        "of ",
        "UTC+8 ",
        "最近两个半",
        "上午九点到",
        "每",
        "焊机1号",
        "porosity ",
        "95th ",
    ],
]


# Calls that reading a prompt may make: three times the most that any of the generated prompts was seen to make.
MOST_CALLS = 2_500_000


def counted(work: Callable[[], object]) -> int:
    """How many calls a work makes: the same on every machine, however busy it is."""
    count = 0

    def count_call(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def calls_of(text: str) -> int:
    """How many calls the rules make to read `text`."""
    devices, fields = ("WLD001", "machine a"), ("current", "Volume Flow RateRMS")
    return counted(lambda: parse_prompt(text, NOW, known_devices=devices, known_fields=fields))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))  # pyright: ignore[reportArgumentType]
@given(
    parts=st.lists(st.tuples(st.sampled_from(PIECES), st.integers(1, LENGTH)), min_size=1, max_size=4),
    tail=st.sampled_from(["", " mean current of WLD001 yesterday?", " WLD001 昨天的平均电流"]),
)
def test_no_prompt_of_100_kb_takes_more_than_a_bounded_number_of_steps(parts: list[tuple[str, int]], tail: str) -> None:
    text = "".join(piece * count for piece, count in parts)[:LENGTH] + tail
    assert calls_of(text) < MOST_CALLS


@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_steps_in_proportion_to_what_is_read(piece: str) -> None:
    short, long = (calls_of((piece * LONGEST_PROMPT)[:length]) for length in (LONGEST_PROMPT // 8, LONGEST_PROMPT // 2))
    assert long < 4 * 1.5 * short + 2_000


@pytest.mark.parametrize("piece", PIECES)
def test_what_is_read_of_a_prompt_is_bounded_and_says_what_is_not(piece: str) -> None:
    readable = readable_prompt(piece * LENGTH)
    assert len(readable.text) <= LONGEST_PROMPT + 3
    assert max(map(len, filter(str.isascii, readable.text.split())), default=0) <= LONGEST_WORD
    assert readable.omitted >= len(piece) * LENGTH - LONGEST_PROMPT
    assert readable_prompt("mean current of WLD001").omitted == 0


@pytest.mark.parametrize("long", ["0" * 20_000, "x " * 10_000, "2026-11-28T09:00:00Z INFO ok\n" * 700])
@pytest.mark.parametrize("template", ["{question}\n{log}", "{log}\n{question}"])
async def test_a_question_before_or_after_a_long_paste_is_answered_and_the_rest_is_named(
    template: str, long: str, provider: FallbackProvider
) -> None:
    prompt = template.format(question="hello there, which model answers?", log=long)
    text = (await fold(provider.stream(CompletionRequest(messages=(text_message(Role.USER, prompt),))))).first.text
    assert "left out" in text
    assert "characters" in text


async def test_while_the_worst_prompts_are_read_the_event_loop_answers_others(provider: FallbackProvider) -> None:
    worst = text_message(Role.USER, "0" * 3_000_000)
    history = tuple(text_message(Role.USER, "2020-03-09 " * 100_000) for _ in range(20))
    asked = [asyncio.create_task(_answer(provider, (*history, worst))) for _ in range(8)]
    slowest = 0.0
    while not all(task.done() for task in asked):
        begun = time.perf_counter()
        await asyncio.sleep(0)
        slowest = max(slowest, time.perf_counter() - begun)
    assert_within(slowest, 0.5, "a turn of the event loop")
    assert all("left out" in text for text in await asyncio.gather(*asked))


async def test_a_work_whose_caller_left_ends_at_its_next_step() -> None:
    worker = RuleWorker(threads=1)
    begun, ended = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(checkpoint: Checkpoint) -> None:
        begun.set()
        try:
            while True:
                checkpoint()
        except WorkAbandoned:
            loop.call_soon_threadsafe(ended.set)
            raise

    task = asyncio.create_task(worker.run(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(HANG_SECONDS):
        await ended.wait()
        assert await worker.run(lambda _: "next") == "next"
    worker.close()


def _as(tenant: str) -> AbstractContextManager[object]:
    return use_context(CallContext(request_id="req", caller=Caller(user_id="u", tenant_id=tenant)))


async def test_a_tenant_that_asks_much_waits_for_itself_and_nobody_else_does() -> None:
    worker = RuleWorker(threads=2)
    held, begun = threading.Event(), threading.Event()
    ended: list[str] = []

    def hold(_: Checkpoint) -> None:
        begun.set()
        assert held.wait(HANG_SECONDS)
        ended.append("heavy")

    async def ask(tenant: str, work: Callable[[Checkpoint], None]) -> None:
        with _as(tenant):
            await worker.run(work)

    heavy = [asyncio.create_task(ask("heavy", hold)) for _ in range(10)]
    await asyncio.to_thread(begun.wait, HANG_SECONDS)
    async with asyncio.timeout(HANG_SECONDS):
        await ask("light", lambda _: ended.append("light"))
    assert ended == ["light"]
    held.set()
    await asyncio.gather(*heavy)
    assert ended == ["light", *["heavy"] * 10]
    worker.close()


async def test_who_leaves_while_he_waits_for_his_turn_takes_none() -> None:
    worker = RuleWorker(threads=2)
    held, begun = threading.Event(), threading.Event()

    def hold(_: Checkpoint) -> None:
        begun.set()
        assert held.wait(HANG_SECONDS)

    first = asyncio.create_task(worker.run(hold))
    await asyncio.to_thread(begun.wait, HANG_SECONDS)
    made: list[str] = []
    second = asyncio.create_task(worker.run(lambda _: made.append("second")))
    await asyncio.sleep(0)
    second.cancel()
    third = asyncio.create_task(worker.run(lambda _: made.append("third")))
    held.set()
    async with asyncio.timeout(HANG_SECONDS):
        await asyncio.gather(first, third)
    assert made == ["third"]
    worker.close()


async def test_a_long_work_rests_as_long_as_it_works_and_a_short_one_never() -> None:
    now, rests = 0.0, list[float]()

    def rest(seconds: float) -> None:
        nonlocal now
        rests.append(seconds)
        now += seconds

    worker = RuleWorker(threads=1, now=lambda: now, rest=rest)

    def work(steps: int, checkpoint: Checkpoint) -> float:
        nonlocal now
        worked = 0.0
        for _ in range(steps):
            now += 0.002
            worked += 0.002
            checkpoint()
        return worked

    await worker.run(partial(work, 20))
    assert rests == []
    worked = await worker.run(partial(work, 500))
    assert 0.4 * worked < sum(rests) <= worked
    assert max(rests) < 0.1
    worker.close()


async def test_a_tool_result_too_long_to_be_read_is_no_answer_but_named(provider: FallbackProvider) -> None:
    call = ToolCall(id="c", name="device_statistics", arguments='{"device_code": "WLD001"}')
    asked = (text_message(Role.USER, "mean current of WLD001"), Message(role=Role.ASSISTANT, tool_calls=(call,)))
    for long in ("[" * 100_000, '{"statistics": [], "x": "' + "y" * 1_000_000 + '"}'):
        text = await _answer(provider, (*asked, _result(long)))
        assert "device_statistics reported" in text
        assert len(text) < 3_000


async def test_a_condition_on_no_device_is_answered_also_where_no_tool_lists_devices(
    provider: FallbackProvider,
) -> None:
    query_tool = ToolDefinition(name="device_query", description="", parameters='{"type": "object"}')
    for prompt in ("where current > 1", "mean current where current > 1 and voltage < 3", "电流大于200A的读数"):
        asked = CompletionRequest(messages=(text_message(Role.USER, prompt),), tools=(query_tool,))
        answer = (await fold(provider.stream(asked))).first
        assert answer.text or answer.tool_calls


async def test_long_embeddings_are_refused_with_the_limit(provider: FallbackProvider) -> None:
    with pytest.raises(ProviderError, match="at most 500000") as caught:
        await provider.embed(EmbeddingRequest(model="hashing", inputs=("x" * 300_000, "y" * 300_000)))
    assert caught.value.failure is FailureKind.BAD_REQUEST


@pytest.fixture
def provider(new_id: Callable[[str], str]) -> FallbackProvider:
    return FallbackProvider(clock=ManualClock(start=NOW), new_id=new_id)


def _result(text: str) -> Message:
    return Message(role=Role.TOOL, tool_call_id="c", parts=(TextPart(text=text),))


async def _answer(provider: FallbackProvider, messages: tuple[Message, ...]) -> str:
    return (await fold(provider.stream(CompletionRequest(messages=messages, tools=TOOLS)))).first.text


async def test_a_tenant_that_asks_one_long_work_after_another_rests_in_all_of_them_and_others_do_not() -> None:
    now, rested = 0.0, 0.0

    def rest(seconds: float) -> None:
        nonlocal now, rested
        now += seconds
        rested += seconds

    def work(steps: int, checkpoint: Checkpoint) -> None:
        nonlocal now
        for _ in range(steps):
            now += 0.001
            checkpoint()

    async def rests(tenant: str, steps: int) -> float:
        nonlocal rested
        rested = 0.0
        with use_context(CallContext(request_id="r", caller=Caller(user_id="u", tenant_id=tenant))):
            await worker.run(partial(work, steps))
        return rested

    worker = RuleWorker(threads=1, now=lambda: now, rest=rest)
    assert await rests("heavy", 40) == 0
    await rests("heavy", 40)
    for _ in range(5):
        assert await rests("heavy", 40) >= 0.035
    assert await rests("light", 40) == 0
    now += 1.0
    assert await rests("heavy", 40) == 0
    worker.close()


async def test_short_works_use_the_allowance_up_too() -> None:
    now, rested = 0.0, list[float]()

    def work(checkpoint: Checkpoint) -> None:
        nonlocal now
        now += 0.003
        checkpoint()

    def long(checkpoint: Checkpoint) -> None:
        nonlocal now
        now += 0.004
        checkpoint()

    worker = RuleWorker(threads=1, now=lambda: now, rest=rested.append)
    for _ in range(40):
        await worker.run(work)
    await worker.run(long)
    assert rested == [pytest.approx(0.004)]
    worker.close()


async def test_a_thread_that_works_lets_others_have_the_interpreter_in_half_a_millisecond() -> None:
    worker = RuleWorker(threads=1)
    assert sys.getswitchinterval() <= 0.0005
    worker.close()


def test_twenty_thousand_zeros_cost_no_more_than_a_short_question() -> None:
    calls_of("the mean current of WLD001")  # the first question of a process compiles the rules
    assert calls_of("0" * 20_000) < 20_000
    assert calls_of("0" * 20_000 + " mean current of WLD001 yesterday?") < 4 * calls_of(
        "mean current of WLD001 yesterday?"
    )


@pytest.mark.parametrize("worst", ["一" * 33_000, "最近两个半" * 7_000, "0" * LENGTH, "一一一?" * 9_000])
def test_the_worst_prompts_one_after_another_take_a_bounded_number_of_steps(worst: str) -> None:
    talk = conversation_from_messages(tuple(text_message(Role.USER, worst) for _ in range(40)))
    assert counted(lambda: talk.queries(NOW)) < 8 * MOST_CALLS
