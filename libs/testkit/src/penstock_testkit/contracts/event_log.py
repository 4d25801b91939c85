"""What every EventLog must do, whatever holds its events.

The suite knows the port by its shape only, so that it needs no service to be installed: a subclass
provides the fixtures `log`, `tight_log`, `make_header`, `make_chunk`, `make_end` and `let_pass`.
"""

# The names of the tests are their documentation.
# ruff: noqa: D102

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, Final, Protocol

import pytest

from penstock_kit.errors import Aborted, FailedPrecondition, InvalidArgument, NotFound
from penstock_testkit.waiting import HANG_SECONDS

STREAM: Final = "strm_1"
# So much a reader that takes nothing holds of a stream, and one event more.
BATCH_BYTES: Final = 64 * 1024
LetPass = Callable[[float], Awaitable[None]]


class MakeHeader(Protocol):
    """Builds the header of a stream."""

    def __call__(self, stream_id: str = STREAM, *, conversation_id: str = "conv_1", request_id: str = "") -> Any:
        """Return the header."""
        ...


class MakeChunk(Protocol):
    """Builds a message chunk as an event."""

    def __call__(self, sequence: int, content: str = "x", *, stream_id: str = STREAM) -> Any:
        """Return the event."""
        ...


async def collect(log: Any, stream_id: str = STREAM, *, after: int = 0) -> list[Any]:
    """Read a stream that ends, to its end."""
    events: list[Any] = []
    async with asyncio.timeout(HANG_SECONDS), aclosing(log.read(stream_id, after=after)) as batches:
        async for batch in batches:
            events.extend(batch)
    return events


def sequences(events: Sequence[Any]) -> list[int]:
    """Return the sequences of events."""
    return [event.sequence for event in events]


class EventLogContract:
    """Subclass it as ``TestXEventLog``.

    `tight_log` keeps about sixteen events a stream; `let_pass` makes time go by for both; ended streams are kept for
    300 seconds.
    """

    @pytest.fixture
    def fill(self, make_header: MakeHeader, make_chunk: MakeChunk, make_end: MakeChunk) -> Any:
        """Open a stream and write `chunks` chunks, each its sequence as text, and an end unless told otherwise."""

        async def write(log: Any, chunks: int, *, end: bool = True, stream_id: str = STREAM) -> None:
            await log.open(make_header(stream_id))
            for sequence in range(1, chunks + 1):
                await log.append([make_chunk(sequence, f"{sequence} ", stream_id=stream_id)])
            if end:
                await log.append([make_end(chunks + 1, stream_id=stream_id)])

        return write

    async def test_a_reader_gets_every_event_in_order(self, log: Any, fill: Any) -> None:
        await fill(log, 5)
        events = await collect(log)
        assert sequences(events) == [1, 2, 3, 4, 5, 6]
        assert [event.body.content for event in events[:5]] == ["1 ", "2 ", "3 ", "4 ", "5 "]
        assert events[-1].is_terminal

    @pytest.mark.parametrize("after", range(7))
    async def test_replay_after_n_is_the_original_from_n(self, log: Any, fill: Any, after: int) -> None:
        await fill(log, 5)
        original = await collect(log)
        assert await collect(log, after=after) == original[after:]

    async def test_a_live_reader_goes_on_where_replay_ends(
        self, log: Any, fill: Any, make_chunk: MakeChunk, make_end: MakeChunk
    ) -> None:
        await fill(log, 2, end=False)
        async with asyncio.timeout(HANG_SECONDS), aclosing(log.read(STREAM, after=1)) as batches:
            assert sequences(await anext(batches)) == [2]
            waiting = asyncio.ensure_future(anext(batches))
            await asyncio.sleep(0)
            await log.append([make_chunk(3), make_chunk(4)])
            seen = sequences(await waiting)
            while len(seen) < 2:
                seen += sequences(await anext(batches))
            assert seen == [3, 4]
            await log.append([make_end(5)])
            assert sequences(await anext(batches)) == [5]
            with pytest.raises(StopAsyncIteration):
                await anext(batches)

    async def test_a_reader_is_handed_a_little_at_a_time(
        self, log: Any, make_header: MakeHeader, make_chunk: Any
    ) -> None:
        await log.open(make_header())
        texts = ["x" * 10_000 for _ in range(30)] + ["y" * 500_000, "z"]
        await log.append([make_chunk(sequence, text) for sequence, text in enumerate(texts, 1)])
        batches: list[Any] = []
        async with asyncio.timeout(HANG_SECONDS), aclosing(log.read(STREAM, after=0)) as reading:
            while sum(map(len, batches)) < len(texts):
                batches.append(await anext(reading))
        assert [event.body.content for batch in batches for event in batch] == texts
        for batch in batches:
            assert sum(len(event.body.content) for event in batch[:-1]) <= BATCH_BYTES

    async def test_readers_do_not_disturb_each_other(self, log: Any, fill: Any, make_end: MakeChunk) -> None:
        await fill(log, 20, end=False)
        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
            readers = [group.create_task(collect(log, after=after)) for after in (0, 3, 20)]
            leaving = group.create_task(anext(log.read(STREAM, after=0)))
            await leaving
            await log.append([make_end(21)])
        assert [len(reader.result()) for reader in readers] == [21, 18, 1]

    async def test_what_a_waiting_reader_is_offered_and_takes_is_not_yielded(
        self, log: Any, fill: Any, make_chunk: MakeChunk, make_end: MakeChunk
    ) -> None:
        await fill(log, 2, end=False)
        offered: list[Any] = []
        yielded: list[Any] = []
        changed = asyncio.Event()

        def offer(events: Sequence[Any]) -> bool:
            if events[-1].sequence == 6:
                return False
            offered.extend(events)
            changed.set()
            return True

        async def read() -> None:
            async with aclosing(log.read(STREAM, after=1, offer=offer)) as batches:
                async for batch in batches:
                    yielded.extend(batch)
                    changed.set()

        async def has(count: int) -> None:
            while len(offered) + len(yielded) < count:
                changed.clear()
                await changed.wait()
            for _ in range(10):  # until it waits again
                await asyncio.sleep(0)

        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(read())
            for sequence in range(3, 9):
                await has(sequence - 2)
                await log.append([make_chunk(sequence)])
            await has(7)
            await log.append([make_chunk(9), make_end(10)])
        assert sorted(sequences(offered) + sequences(yielded)) == list(range(2, 11)), "once each, without a gap"
        assert sequences(offered) == sorted(sequences(offered))
        assert sequences(yielded) == sorted(sequences(yielded))
        assert {3, 4, 5, 7, 8} >= set(sequences(offered)) != set()
        assert sequences(yielded)[-1] == 10, "the end is never offered"

    async def test_a_reader_that_leaves_while_waiting_leaves_nothing_behind(
        self, log: Any, fill: Any, make_end: MakeChunk
    ) -> None:
        await fill(log, 1, end=False)
        reader = asyncio.create_task(collect(log, after=1))
        await asyncio.sleep(0)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await log.append([make_end(2)])
        assert sequences(await collect(log)) == [1, 2]

    async def test_a_gap_is_refused(self, log: Any, fill: Any, make_chunk: MakeChunk) -> None:
        await fill(log, 1, end=False)
        with pytest.raises(FailedPrecondition, match="does not follow"):
            await log.append([make_chunk(3)])

    async def test_a_double_is_refused(self, log: Any, fill: Any, make_chunk: MakeChunk) -> None:
        await fill(log, 1, end=False)
        with pytest.raises(FailedPrecondition, match="does not follow"):
            await log.append([make_chunk(1)])

    async def test_nothing_follows_the_terminal_event(self, log: Any, fill: Any, make_chunk: MakeChunk) -> None:
        await fill(log, 1)
        with pytest.raises(FailedPrecondition, match="ended"):
            await log.append([make_chunk(3)])

    async def test_an_unknown_stream_is_not_found(self, log: Any, make_chunk: MakeChunk) -> None:
        assert await log.describe("strm_none") is None
        with pytest.raises(NotFound):
            await collect(log, "strm_none")
        with pytest.raises(NotFound):
            await log.append([make_chunk(1, stream_id="strm_none")])

    async def test_a_sequence_beyond_the_last_is_refused(self, log: Any, fill: Any) -> None:
        await fill(log, 2)
        with pytest.raises(InvalidArgument, match="beyond"):
            await collect(log, after=9)

    async def test_a_stream_is_described_as_it_stands(self, log: Any, fill: Any, make_end: MakeChunk) -> None:
        await fill(log, 0, end=False)
        fresh = await log.describe(STREAM)
        assert (fresh.status.value, fresh.first_sequence, fresh.last_sequence) == ("running", 1, 0)
        await log.append([make_end(1)])
        ended = await log.describe(STREAM)
        assert (ended.status.value, ended.first_sequence, ended.last_sequence) == ("completed", 1, 1)

    async def test_the_same_request_id_opens_the_same_stream(self, log: Any, make_header: MakeHeader) -> None:
        first = await log.open(make_header("strm_1", request_id="r1"))
        assert await log.open(make_header("strm_2", request_id="r1")) == first
        assert await log.describe("strm_2") is None
        other = await log.open(make_header("strm_3", conversation_id="conv_2", request_id="r1"))
        assert other.stream_id == "strm_3"

    async def test_without_a_request_id_every_open_is_a_new_stream(self, log: Any, fill: Any) -> None:
        for name in ("strm_1", "strm_2"):
            await fill(log, 1, stream_id=name)
            assert sequences(await collect(log, name)) == [1, 2]

    async def test_of_a_conversation_one_stream_runs_at_a_time(
        self, log: Any, fill: Any, make_header: MakeHeader, make_end: MakeChunk
    ) -> None:
        await fill(log, 1, end=False, stream_id="strm_1")
        for request_id in ("", "ask_2"):
            with pytest.raises(Aborted) as caught:
                await log.open(make_header("strm_2", request_id=request_id))
            assert (caught.value.reason, caught.value.metadata) == ("RUNNING_STREAM_EXISTS", {"stream_id": "strm_1"})
        assert await log.describe("strm_2") is None
        other = await log.open(make_header("strm_3", conversation_id="conv_2"))
        assert other.stream_id == "strm_3"
        await log.append([make_end(2, stream_id="strm_1")])
        again = await log.open(make_header("strm_2", request_id="ask_2"))
        assert again.stream_id == "strm_2"

    async def test_the_request_of_a_running_stream_is_no_second_question(
        self, log: Any, make_header: MakeHeader
    ) -> None:
        for name in ("strm_1", "strm_2"):
            assert (await log.open(make_header(name, request_id="ask"))).stream_id == "strm_1"

    async def test_of_many_that_open_at_once_one_wins(self, log: Any, make_header: MakeHeader) -> None:
        asked = [log.open(make_header(f"strm_{number}", request_id=f"ask_{number}")) for number in range(20)]
        opened = await asyncio.gather(*asked, return_exceptions=True)
        won = [header.stream_id for header in opened if not isinstance(header, BaseException)]
        assert len(won) == 1
        lost = [error for error in opened if isinstance(error, Aborted)]
        assert len(lost) == 19
        assert {error.metadata["stream_id"] for error in lost} == set(won)

    async def test_the_running_stream_of_a_conversation_is_known(
        self, log: Any, fill: Any, make_end: MakeChunk
    ) -> None:
        await fill(log, 1, end=False, stream_id="strm_1")
        assert await log.active(["conv_1", "conv_2"]) == {"conv_1": "strm_1"}
        await log.append([make_end(2, stream_id="strm_1")])
        assert await log.active(["conv_1"]) == {}
        await fill(log, 1, end=False, stream_id="strm_2")
        assert await log.active(["conv_1"]) == {"conv_1": "strm_2"}

    async def test_resume_after_trim_starts_with_a_snapshot(self, tight_log: Any, fill: Any) -> None:
        await fill(tight_log, 100)
        events = await collect(tight_log, after=2)
        lead, rest = events[0], events[1:]
        assert lead.body.status.value == "running"
        assert not lead.is_terminal
        assert lead.body.content == "".join(f"{n} " for n in range(1, lead.sequence + 1))
        assert sequences(rest) == list(range(lead.sequence + 1, 102))

    async def test_a_trimmed_log_is_bounded(self, tight_log: Any, fill: Any) -> None:
        await fill(tight_log, 100)
        state = await tight_log.describe(STREAM)
        assert state.last_sequence == 101
        assert 101 - state.first_sequence + 1 <= 32

    async def test_a_reader_within_the_kept_part_gets_no_snapshot(self, tight_log: Any, fill: Any) -> None:
        await fill(tight_log, 100)
        state = await tight_log.describe(STREAM)
        assert sequences(await collect(tight_log, after=state.first_sequence - 1)) == list(
            range(state.first_sequence, 102)
        )

    async def test_a_slow_reader_is_handed_a_snapshot_of_what_it_missed(
        self, tight_log: Any, fill: Any, make_chunk: MakeChunk, make_end: MakeChunk
    ) -> None:
        await fill(tight_log, 1, end=False)
        async with asyncio.timeout(HANG_SECONDS), aclosing(tight_log.read(STREAM, after=0)) as batches:
            assert sequences(await anext(batches)) == [1]
            for sequence in range(2, 100):
                await tight_log.append([make_chunk(sequence, f"{sequence} ")])
            await tight_log.append([make_end(100)])
            rest = [event async for batch in batches for event in batch]
        text = rest[0].body.content + "".join(event.body.content for event in rest[1:-1])
        assert rest[0].body.status.value == "running"
        assert text == "".join(f"{n} " for n in range(1, 100))

    async def test_an_ended_stream_is_forgotten_when_its_time_is_over(
        self, log: Any, fill: Any, let_pass: LetPass
    ) -> None:
        await fill(log, 1)
        await let_pass(299)
        await log.clean()
        assert await log.describe(STREAM) is not None
        await let_pass(2)
        await log.clean()
        assert await log.describe(STREAM) is None

    async def test_dropping_a_conversation_forgets_its_streams_and_ends_their_readers(
        self, log: Any, fill: Any
    ) -> None:
        await fill(log, 1, end=False)
        reader = asyncio.create_task(collect(log, after=1))
        await asyncio.sleep(0)
        await log.drop("conv_1")
        with pytest.raises(NotFound):
            await reader
        assert await log.describe(STREAM) is None

    async def test_two_streams_of_one_conversation_are_apart(self, log: Any, fill: Any) -> None:
        await fill(log, 2, stream_id="strm_1")
        await fill(log, 3, stream_id="strm_2")
        assert (len(await collect(log, "strm_1")), len(await collect(log, "strm_2"))) == (3, 4)
