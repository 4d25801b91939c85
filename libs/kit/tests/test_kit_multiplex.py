# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportIncompatibleMethodOverride=false
"""What is particular to calls over one stream; test_kit_grpc.py runs the contract of all calls over both ways."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from penstock.common.v1 import multiplex_pb2 as pb
from penstock.common.v1 import multiplex_pb2_grpc

from penstock_kit.context import CallContext, use_context
from penstock_kit.errors import (
    DeadlineExceeded,
    ErrorKind,
    Internal,
    PayloadTooLarge,
    PenstockError,
    Unavailable,
    Unimplemented,
)
from penstock_kit.grpc import open_channel
from penstock_kit.grpc.interceptor import CallInterceptor
from penstock_kit.grpc.multiplex.connection import METHOD, may_be_several
from penstock_kit.grpc.multiplex.outbox import Outbox
from penstock_kit.grpc.multiplex.serving import MultiplexServicer
from penstock_kit.grpc.multiplex.window import WINDOW_BYTES
from penstock_testkit.waiting import HANG_SECONDS

SERVICE = "penstock.test.v1.SomeService"
PIECE = b"x" * 1024
# Seconds of calls that are to end while they run: 0.05, and more on a machine that does not begin them by then.
GROWING = [0.05 * 4**times for times in range(6)]


class SomeServicer:
    def __init__(self) -> None:
        self.sent = 0
        self.blocked = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.release = asyncio.Event()

    async def same(self, request: bytes, context: Any) -> bytes:
        return request

    async def large(self, request: bytes, context: Any) -> bytes:
        return request * 1024 * 1024

    async def wait(self, request: bytes, context: Any) -> bytes:
        self.blocked.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return b"%.0f" % (context.time_remaining() or 0)

    async def flood(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        for _ in range(int(request)):
            self.sent += 1
            yield PIECE

    async def hang(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield PIECE
        await self.wait(request, context)


Handlers = dict[str, Any]


def handlers_of(servicer: SomeServicer) -> Handlers:
    return {
        "Same": grpc.unary_unary_rpc_method_handler(servicer.same),
        "Large": grpc.unary_unary_rpc_method_handler(servicer.large),
        "Wait": grpc.unary_unary_rpc_method_handler(servicer.wait),
        "Hang": grpc.unary_stream_rpc_method_handler(servicer.hang),
        "Flood": grpc.unary_stream_rpc_method_handler(servicer.flood),
    }


@asynccontextmanager
async def serving(carried: Handlers, alone: Handlers) -> AsyncGenerator[tuple[Any, MultiplexServicer]]:
    """Serve some methods over the streams only, and some as calls of their own only; yield a channel to them."""
    interceptor = CallInterceptor()

    def handler_of(method: str) -> Any:
        handler = carried.get(method.rpartition("/")[2])
        return None if handler is None else interceptor.wrap(handler, method)

    aio: Any = grpc.aio
    server = aio.server()
    multiplex = MultiplexServicer(handler_of)
    if carried:
        multiplex_pb2_grpc.add_MultiplexServiceServicer_to_server(multiplex, server)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, alone),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_channel(f"127.0.0.1:{port}", service="some-service", multiplexed=[SERVICE]) as channel:
            yield channel, multiplex
    finally:
        await server.stop(0)


@pytest.fixture
def servicer() -> SomeServicer:
    return SomeServicer()


@pytest.fixture
async def channel(servicer: SomeServicer) -> AsyncIterator[Any]:
    async with serving(handlers_of(servicer), {}) as (channel, _):
        yield channel


def method(channel: Any, name: str) -> Callable[..., Any]:
    make = channel.unary_stream if name in {"Flood", "Hang"} else channel.unary_unary
    return make(f"/{SERVICE}/{name}")


async def test_a_thousand_calls_at_once_get_their_own_answers(channel: Any) -> None:
    same = method(channel, "Same")
    assert await asyncio.gather(*(same(b"%d" % n) for n in range(1000))) == [b"%d" % n for n in range(1000)]


async def test_a_server_that_does_not_know_the_protocol_is_called_without_it(servicer: SomeServicer) -> None:
    async with serving({}, handlers_of(servicer)) as (channel, _):
        assert await method(channel, "Same")(b"a") == b"a"
        assert [m async for m in method(channel, "Flood")(b"2")] == [PIECE, PIECE]
        assert await asyncio.gather(*(method(channel, "Same")(b"b") for _ in range(10))) == [b"b"] * 10


async def test_a_stream_to_a_server_that_does_not_know_the_protocol_is_begun_again(servicer: SomeServicer) -> None:
    async with serving({}, handlers_of(servicer)) as (channel, _):
        assert [m async for m in method(channel, "Flood")(b"2")] == [PIECE, PIECE]


async def test_a_method_that_is_not_there_is_unimplemented(channel: Any) -> None:
    with pytest.raises(Unimplemented, match="Nothing"):
        await channel.unary_unary(f"/{SERVICE}/Nothing")(b"")


async def test_a_large_request_does_not_hold_up_the_stream_but_goes_alone(servicer: SomeServicer) -> None:
    seen = handlers_of(servicer)
    async with serving(seen, {}) as (channel, _):
        with pytest.raises(Unimplemented):
            await method(channel, "Same")(b"x" * 100_000)
    async with serving(seen, seen) as (channel, _):
        assert len(await method(channel, "Same")(b"x" * 100_000)) == 100_000


async def test_many_large_answers_at_once_arrive_whole(channel: Any) -> None:
    answers = await asyncio.gather(*(method(channel, "Large")(b"abcd") for _ in range(12)))
    assert [len(answer) for answer in answers] == [4 * 1024 * 1024] * 12


async def test_an_answer_over_the_limit_fails_its_call_and_no_other(channel: Any) -> None:
    too_large, fine = await asyncio.gather(
        method(channel, "Large")(b"x" * 40), method(channel, "Same")(b"a"), return_exceptions=True
    )
    assert isinstance(too_large, PayloadTooLarge)
    assert (too_large.reason, "some-service" in too_large.message) == ("MESSAGE_LIMIT_EXCEEDED", True)
    assert fine == b"a"


async def test_a_reader_that_takes_nothing_stops_its_sender_and_nobody_else(
    channel: Any, servicer: SomeServicer
) -> None:
    window = WINDOW_BYTES // len(PIECE)
    slow = method(channel, "Flood")(b"%d" % (window * 4))
    assert await slow.read() == PIECE
    for _ in range(20):
        assert await method(channel, "Same")(b"x") == b"x"
    assert window <= servicer.sent <= window + 2
    rest = [m async for m in slow]
    assert len(rest) == window * 4 - 1


async def test_a_handler_that_fails_without_a_status_is_an_error_at_once_and_the_stream_goes_on() -> None:
    servicer = SomeServicer()
    handlers = handlers_of(servicer)

    async def broken(request: bytes, context: Any) -> bytes:
        raise ValueError("secret detail")

    unfit = grpc.unary_unary_rpc_method_handler(servicer.same, response_serializer=lambda _: 1 // 0)
    odd = {"Same": handlers["Same"], "Broken": grpc.unary_unary_rpc_method_handler(broken), "Unfit": unfit}
    async with serving(odd, {}) as (channel, _), asyncio.timeout(HANG_SECONDS):
        for name in ("Broken", "Unfit"):
            with pytest.raises(Internal, match="internal error"):
                await channel.unary_unary(f"/{SERVICE}/{name}")(b"x")
        assert await channel.unary_unary(f"/{SERVICE}/Same")(b"x") == b"x"


async def test_cancelling_a_call_cancels_its_handler(channel: Any, servicer: SomeServicer) -> None:
    call = asyncio.create_task(method(channel, "Wait")(b""))
    await servicer.blocked.wait()
    call.cancel()
    async with asyncio.timeout(HANG_SECONDS):
        await servicer.cancelled.wait()
    assert await method(channel, "Same")(b"x") == b"x"


async def test_a_call_whose_time_is_over_fails_and_its_handler_ends(channel: Any, servicer: SomeServicer) -> None:
    # A machine that is short of time may not have begun it by then; a call that it has not begun has nothing to end.
    for seconds in GROWING:
        with pytest.raises(DeadlineExceeded):
            await method(channel, "Wait")(b"", timeout=seconds)
        if servicer.blocked.is_set():
            break
    async with asyncio.timeout(HANG_SECONDS):
        await servicer.cancelled.wait()


async def test_a_stream_whose_time_is_over_fails(channel: Any, servicer: SomeServicer) -> None:
    pieces = 0
    for seconds in GROWING:
        call = method(channel, "Hang")(b"", timeout=seconds)
        with pytest.raises(DeadlineExceeded):
            assert await call.read() == PIECE
            pieces += 1
            await call.read()
        if pieces:
            break
    async with asyncio.timeout(HANG_SECONDS):
        await servicer.cancelled.wait()


async def test_the_handler_knows_the_deadline(channel: Any, servicer: SomeServicer) -> None:
    servicer.release.set()
    with use_context(CallContext(request_id="r")):
        assert 0 < int(await method(channel, "Wait")(b"", timeout=HANG_SECONDS)) <= HANG_SECONDS


async def test_closing_the_channel_fails_what_runs(servicer: SomeServicer) -> None:
    async with serving(handlers_of(servicer), {}) as (channel, _):
        call = asyncio.create_task(method(channel, "Wait")(b""))
        await servicer.blocked.wait()
    with pytest.raises(PenstockError, match="the channel was closed") as caught:
        await call
    assert caught.value.kind is ErrorKind.CANCELLED
    async with asyncio.timeout(HANG_SECONDS):
        await servicer.cancelled.wait()


async def test_a_server_that_dies_fails_what_runs(start_echo: Any, multiplexed: Any) -> None:
    async with start_echo(grace_seconds=0) as echo:
        call = asyncio.create_task(echo.stub.say(b"wait"))
        await echo.servicer.started.wait()
        await echo.server.drain()
        with pytest.raises(Unavailable):
            async with asyncio.timeout(HANG_SECONDS):
                await call


async def test_a_drain_lets_calls_end_and_waits_no_longer(start_echo: Any, multiplexed: Any) -> None:
    async with start_echo(grace_seconds=20) as echo:
        running = aiter(echo.stub.count(b"4000"))
        await anext(running)
        drain = asyncio.create_task(echo.server.drain())
        async with asyncio.timeout(HANG_SECONDS):
            assert len([m async for m in running]) == 3999
            await drain


async def test_a_client_that_has_no_calls_and_says_nothing_does_not_hold_up_a_drain(start_echo: Any) -> None:
    async with start_echo(grace_seconds=20) as echo, grpc.aio.insecure_channel(f"127.0.0.1:{echo.server.port}") as idle:
        carry = idle.stream_stream(METHOD, None, None)(None)
        await carry.write(b"")
        assert await echo.stub.say(b"a")
        async with asyncio.timeout(HANG_SECONDS):
            await echo.server.drain()


async def test_a_call_that_a_server_refuses_because_it_goes_away_is_made_again(servicer: SomeServicer) -> None:
    async with serving(handlers_of(servicer), handlers_of(servicer)) as (channel, multiplex):
        multiplex.drain()
        assert await method(channel, "Same")(b"x") == b"x"
        servicer.release.set()
        assert await method(channel, "Wait")(b"", timeout=HANG_SECONDS)


class Breaking(multiplex_pb2_grpc.MultiplexServiceServicer):
    """Breaks every stream as soon as a call came over it."""

    async def Carry(self, request_iterator: Any, context: Any) -> None:  # noqa: N802
        await context.read()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "the process is gone")


async def test_a_read_whose_stream_breaks_is_asked_once_more_by_itself_and_nothing_else_is(
    servicer: SomeServicer,
) -> None:
    aio: Any = grpc.aio
    server = aio.server()
    multiplex_pb2_grpc.add_MultiplexServiceServicer_to_server(Breaking(), server)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers_of(servicer)),))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    servicer.release.set()
    async with open_channel(address, service="s", multiplexed=[SERVICE], idempotent=[f"{SERVICE}/Same"]) as channel:
        assert await method(channel, "Same")(b"x") == b"x"
        with pytest.raises(Unavailable):
            await method(channel, "Wait")(b"")
    await server.stop(0)


class Leaving(multiplex_pb2_grpc.MultiplexServiceServicer):
    """Answers the first call of its one stream, and ends it while more are written, or breaks it with `code`."""

    def __init__(self, code: grpc.StatusCode | None) -> None:
        self._code = code
        self._has_left = False

    async def Carry(self, request_iterator: Any, context: Any) -> None:  # noqa: N802
        if self._has_left:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED)
        first = (await context.read()).frames[0]
        answer = pb.ServerFrame(call_id=first.call_id, message=first.headers.request, trailers=pb.Trailers())
        await context.write(pb.CarryResponse(frames=[answer]))
        await context.read()
        self._has_left = True
        if self._code is not None:
            await context.abort(self._code, "the process is gone")


@pytest.mark.parametrize("code", [None, grpc.StatusCode.UNAVAILABLE])
async def test_a_stream_that_ends_under_a_write_says_how_it_ended_and_what_never_left_is_made_again(
    servicer: SomeServicer, code: grpc.StatusCode | None
) -> None:
    aio: Any = grpc.aio
    server = aio.server()
    multiplex_pb2_grpc.add_MultiplexServiceServicer_to_server(Leaving(code), server)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers_of(servicer)),))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    large = b"x" * 60_000  # so that two hundred take many writes
    try:
        async with open_channel(address, service="s", multiplexed=[SERVICE]) as channel:
            same = method(channel, "Same")
            assert await same(b"x") == b"x"
            answers = await asyncio.gather(*(same(large) for _ in range(200)), return_exceptions=True)
    finally:
        await server.stop(0)
    failed = [answer for answer in answers if answer != large]
    assert all(isinstance(answer, Unavailable) for answer in failed)
    # A stream that ended had begun none of what was left; of one that broke, what had been written may have begun.
    assert len(failed) < (1 if code is None else 200)


async def test_calls_that_say_nothing_keep_no_frame_waiting() -> None:
    written: list[Sequence[str]] = []

    async def write(frames: Sequence[str]) -> None:
        written.append(frames)

    outbox: Outbox[str] = Outbox(write, lambda: 1000)
    task = asyncio.create_task(outbox.run())
    for frame in ("one", "two", "three"):
        outbox.put(frame)
        for _ in range(3):  # turns of the event loop; a frame that had to wait would need milliseconds
            await asyncio.sleep(0)
    task.cancel()
    assert written == [["one"], ["two"], ["three"]]


async def test_frames_that_gather_while_one_is_written_leave_together_in_bounds() -> None:
    written: list[Sequence[int]] = []
    gate = asyncio.Event()

    async def write(frames: Sequence[int]) -> None:
        written.append(frames)
        await gate.wait()

    outbox: Outbox[int] = Outbox(write, lambda: 0)
    task = asyncio.create_task(outbox.run())
    outbox.put(0)
    await asyncio.sleep(0)
    for n in range(1, 5):
        outbox.put(n, 400 * 1024)
    gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        while sum(map(len, written)) < 5:  # noqa: ASYNC110 - written by the task
            await asyncio.sleep(0)
    task.cancel()
    assert written == [[0], [1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("target", "several"),
    [
        ("127.0.0.1:50051", False),
        ("localhost:50051", False),
        ("[::1]:50051", False),
        ("llm-service:50051", True),
        ("dns:///llm-service.default:50051", True),
    ],
)
def test_only_a_name_may_stand_for_several_servers(target: str, several: bool) -> None:
    assert may_be_several(target) is several


def test_frames_know_whether_a_message_is_there() -> None:
    assert not pb.ServerFrame(call_id=1).HasField("message")
    assert pb.ServerFrame(call_id=1, message=b"").HasField("message")


async def test_what_is_written_at_once_keeps_its_place_and_stops_where_the_reader_does() -> None:
    written: list[int] = []
    refused: list[bool] = []

    async def pieces(request: bytes, context: Any) -> None:
        refused.append(context.write_now(b"early"))
        await context.write(b"0")
        for number in range(1, 4):
            assert context.write_now(b"%d" % number)
        await context.write(b"4")
        while context.write_now(PIECE):
            written.append(1)
        refused.append(context.write_now(PIECE))
        await context.write(b"last")

    handlers = {"Pieces": grpc.unary_stream_rpc_method_handler(pieces)}
    async with serving(handlers, {}) as (channel, _):
        stream = channel.unary_stream(f"/{SERVICE}/Pieces")(b"")
        received = [message async for message in stream]
    assert received[:5] == [b"0", b"1", b"2", b"3", b"4"]
    assert received[5:] == [PIECE] * len(written) + [b"last"]
    assert WINDOW_BYTES // len(PIECE) - 1 <= len(written) <= WINDOW_BYTES // len(PIECE)
    assert refused == [False, False]


async def test_responses_that_come_while_the_reader_waits_are_offered_and_read_otherwise(
    channel: Any, servicer: SomeServicer
) -> None:
    taken: list[bytes] = []

    def take(message: bytes) -> bool:
        if len(taken) == 5 or not message:
            return False
        taken.append(message)
        return True

    stream = channel.unary_stream(f"/{SERVICE}/Flood")(b"600")
    first = await stream.read()
    stream.offer_to(take)
    rest = [message async for message in stream]
    assert [first, *taken, *rest] == [PIECE] * 600
    assert len(taken) == 5


async def test_nothing_is_offered_before_what_came_earlier_was_read() -> None:
    async def numbers(request: bytes, context: Any) -> AsyncIterator[bytes]:
        for number in range(300):
            yield b"%d" % number
            await asyncio.sleep(0.002 if number % 50 == 0 else 0)

    order: list[int] = []

    def take(message: bytes) -> bool:
        if int(message) % 3 == 0:
            return False
        order.append(int(message))
        return True

    handlers = {"Numbers": grpc.unary_stream_rpc_method_handler(numbers)}
    async with serving(handlers, {}) as (channel, _):
        stream = channel.unary_stream(f"/{SERVICE}/Numbers")(b"")
        stream.offer_to(take)
        async for message in stream:
            order.append(int(message))
            await asyncio.sleep(0.001)  # others come meanwhile
    assert order == list(range(300))


async def test_what_is_taken_at_once_lets_the_server_send_on(channel: Any, servicer: SomeServicer) -> None:
    count = 4 * WINDOW_BYTES // len(PIECE)
    taken: list[bytes] = []

    def take(message: bytes) -> bool:
        taken.append(message)
        return True

    stream = channel.unary_stream(f"/{SERVICE}/Flood")(b"%d" % count)
    stream.offer_to(take)
    read = [message async for message in stream]
    assert len(taken) + len(read) == count
    assert servicer.sent == count


async def test_one_who_can_not_take_what_is_offered_fails_no_call(channel: Any) -> None:
    def take(message: bytes) -> bool:
        raise ValueError("not mine")

    stream = channel.unary_stream(f"/{SERVICE}/Flood")(b"50")
    stream.offer_to(take)
    assert [message async for message in stream] == [PIECE] * 50
