"""Answers over broken connections: nothing twice, nothing missing, and an end without a last event is no success."""

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import penstock_client
from penstock_client import (
    AnswerClosedError,
    AnswerFailedError,
    AsyncPenstock,
    CompleteState,
    ConnectionFailedError,
    MessageChunk,
    NotFoundError,
    Penstock,
    StreamBrokenError,
)

COMMON = {"stream_id": "strm_1", "create_time": "2026-01-01T00:00:00Z", "conversation_id": "conv_1"}
CHUNKS = [{"type": "message_chunk", "sequence": n, "content": f"{n} ", **COMMON} for n in range(1, 6)]
LAST = {"type": "complete_state", "sequence": 6, "status": "completed", "content": "1 2 3 4 5 ", **COMMON}
EVENTS: list[dict[str, Any]] = [*CHUNKS, LAST]


class CuttingGateway:
    """Sends one answer; each connection is cut after as many events as `cuts` says next (None: goes on to the end).

    While `hold` is cleared no event is sent but the first.
    """

    def __init__(self, events: list[dict[str, Any]], cuts: list[int | None], *, forgets: bool = False) -> None:
        self.requests: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self._send(0)

            def do_GET(self) -> None:
                self._send(int(self.headers["last-event-id"]))

            def _send(self, after: int) -> None:
                gateway.requests.append(f"{self.command} {after}")
                if forgets and self.command == "GET":
                    self.send_error(404)
                    return
                cut = cuts.pop(0) if cuts else None
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for count, event in enumerate(e for e in events if e["sequence"] > after):
                    if cut is not None and count == cut:
                        return
                    if event["sequence"] > 1:
                        gateway.hold.wait(60)
                    with contextlib.suppress(OSError):
                        self.wfile.write(f": ka\n\nid: {event['sequence']}\ndata: {json.dumps(event)}\n\n".encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def __enter__(self) -> "CuttingGateway":
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.mark.parametrize("cut", range(7))
def test_a_stream_cut_at_any_event_is_read_once_and_whole(cut: int) -> None:
    with CuttingGateway(EVENTS, [cut, 0, 1]) as gateway, Penstock(gateway.url) as client:
        events = list(client.conversations.ask("conv_1", "hello"))
        assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
        assert isinstance(events[-1], CompleteState)


@pytest.mark.parametrize("cut", range(7))
async def test_the_async_client_reads_the_same(cut: int) -> None:
    with CuttingGateway(EVENTS, [cut, 0, 1]) as gateway:
        async with AsyncPenstock(gateway.url) as client:
            events = [event async for event in client.conversations.ask("conv_1", "hello")]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]


def test_a_stream_goes_on_at_another_gateway_when_its_own_is_gone() -> None:
    with CuttingGateway(EVENTS, []) as other:
        dying = CuttingGateway(EVENTS, [2])
        with Penstock([dying.url, other.url]) as client:
            answer = client.conversations.ask("conv_1", "hello")
            events = iter(answer)
            seen = [next(events), next(events)]
            dying.__exit__()
            seen += list(events)
    assert [event.sequence for event in seen] == [1, 2, 3, 4, 5, 6]
    assert other.requests == ["GET 2"]


def test_a_stream_that_cannot_be_taken_up_again_ends_in_an_error_that_says_where() -> None:
    with CuttingGateway(EVENTS, [2] + [0] * 1000) as gateway, Penstock(gateway.url) as client:
        answer = client.conversations.ask("conv_1", "hello", patience=0.2)
        with pytest.raises(StreamBrokenError, match="after event 2") as caught:
            list(answer)
    assert (caught.value.stream_id, caught.value.last_sequence) == ("strm_1", 2)


async def test_an_answer_that_took_longer_than_the_patience_is_taken_up_again_after_its_last_event() -> None:
    patience = 1.0
    with CuttingGateway(EVENTS, [3]) as gateway:
        gateway.hold.clear()
        threading.Timer(1.5 * patience, gateway.hold.set).start()
        async with AsyncPenstock(gateway.url) as client:
            answer = client.conversations.ask("conv_1", "hello", patience=patience)
            assert [event.sequence async for event in answer] == [1, 2, 3, 4, 5, 6]
    assert gateway.requests == ["POST 0", "GET 3"]


def test_the_sync_client_counts_its_patience_from_the_last_event_too() -> None:
    patience = 1.0
    with CuttingGateway(EVENTS, [3]) as gateway, Penstock(gateway.url) as client:
        gateway.hold.clear()
        threading.Timer(1.5 * patience, gateway.hold.set).start()
        events = [event.sequence for event in client.conversations.ask("conv_1", "hello", patience=patience)]
    assert events == [1, 2, 3, 4, 5, 6]
    assert gateway.requests == ["POST 0", "GET 3"]


def test_a_stream_that_the_gateway_has_forgotten_is_its_refusal() -> None:
    forgetful = CuttingGateway(EVENTS, [2], forgets=True)
    with forgetful, Penstock(forgetful.url) as client, pytest.raises(NotFoundError):
        list(client.conversations.ask("conv_1", "hello"))


def test_an_answer_that_failed_raises_with_what_was_said() -> None:
    failed = {"type": "error", "sequence": 2, "reason": "REPLICA_LOST", "message": "gone", "retryable": True, **COMMON}
    gateway = CuttingGateway([EVENTS[0], {**failed, "partial_content": "1 "}], [])
    with gateway, Penstock(gateway.url) as client, pytest.raises(AnswerFailedError) as caught:
        client.conversations.ask("conv_1", "hello").result()
    assert (caught.value.reason, caught.value.retryable, caught.value.partial_content) == ("REPLICA_LOST", True, "1 ")


def test_text_yields_the_pieces_and_result_the_whole() -> None:
    with CuttingGateway(EVENTS, []) as gateway, Penstock(gateway.url) as client:
        assert list(client.conversations.ask("conv_1", "hello").text()) == ["1 ", "2 ", "3 ", "4 ", "5 "]
        assert client.conversations.ask("conv_1", "hello").result().content == "1 2 3 4 5 "


def test_the_result_can_be_asked_for_again_and_after_the_pieces() -> None:
    with CuttingGateway(EVENTS, []) as gateway, Penstock(gateway.url) as client:
        answer = client.conversations.ask("conv_1", "hello")
        assert "".join(answer.text()) == "1 2 3 4 5 "
        assert answer.result() is answer.result()
        assert answer.result().content == "1 2 3 4 5 "
    assert gateway.requests == ["POST 0"]


async def test_the_async_result_can_be_asked_for_again_too() -> None:
    with CuttingGateway(EVENTS, []) as gateway:
        async with AsyncPenstock(gateway.url) as client:
            answer = client.conversations.ask("conv_1", "hello")
            assert await answer.result() is await answer.result()


def test_an_answer_that_failed_raises_the_same_when_it_is_asked_again() -> None:
    failed = {"type": "error", "sequence": 2, "reason": "REPLICA_LOST", "message": "gone", "retryable": True, **COMMON}
    gateway = CuttingGateway([EVENTS[0], {**failed, "partial_content": "1 "}], [])
    with gateway, Penstock(gateway.url) as client:
        answer = client.conversations.ask("conv_1", "hello")
        for _ in range(2):
            with pytest.raises(AnswerFailedError, match="gone"):
                answer.result()


def test_an_answer_that_was_left_says_so_and_how_to_read_on() -> None:
    with CuttingGateway(EVENTS, []) as gateway, Penstock(gateway.url) as client:
        with client.conversations.ask("conv_1", "hello") as answer:
            next(iter(answer))
        with pytest.raises(
            AnswerClosedError, match=r"left before its end .*resume\(stream_id, after=1\) reads on"
        ) as caught:
            answer.result()
        rest = client.conversations.resume(caught.value.stream_id, after=caught.value.last_sequence)
        assert rest.result().content == "1 2 3 4 5 "


def test_the_pieces_of_an_answer_that_was_read_are_not_silently_none() -> None:
    with CuttingGateway(EVENTS, []) as gateway, Penstock(gateway.url) as client:
        answer = client.conversations.ask("conv_1", "hello")
        answer.result()
        with pytest.raises(AnswerClosedError, match=r"read to its end .* result\(\) returns the whole"):
            list(answer.text())


def test_a_snapshot_replaces_what_was_missed() -> None:
    snapshot = {"type": "complete_state", "sequence": 4, "status": "running", "content": "1 2 3 4 ", **COMMON}
    with CuttingGateway([snapshot, CHUNKS[4], LAST], []) as gateway, Penstock(gateway.url) as client:
        events = list(client.conversations.resume("strm_1", after=2))
    assert [(event.type, event.sequence) for event in events] == [
        ("complete_state", 4),
        ("message_chunk", 5),
        ("complete_state", 6),
    ]


async def test_ten_thousand_streams_that_are_left_early_leave_no_connection_behind() -> None:
    with CuttingGateway(EVENTS, []) as gateway:
        async with AsyncPenstock(gateway.url) as client:
            for number in range(5_000):
                async with client.conversations.ask("conv_1", "hello") as answer:
                    async for event in answer:
                        assert isinstance(event, MessageChunk)
                        break
                if number % 500 == 0:
                    reading = asyncio.ensure_future(client.conversations.ask("conv_1", "hello").result())
                    await asyncio.sleep(0)
                    reading.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reading
            assert (await client.conversations.ask("conv_1", "hello").result()).content == "1 2 3 4 5 "
        with Penstock(gateway.url) as sync:
            for _ in range(5_000):
                answer = sync.conversations.ask("conv_1", "hello")
                next(iter(answer))
                del answer
            gc.collect()
            assert sync.conversations.ask("conv_1", "hello").result().content == "1 2 3 4 5 "


async def test_what_was_read_to_its_result_or_left_meanwhile_waits_for_no_search_for_garbage() -> None:
    with CuttingGateway(EVENTS, []) as gateway:
        async with AsyncPenstock(gateway.url) as client:
            done: Any = client.conversations.ask("conv_1", "hello")
            await done.result()
            assert done._events.ag_frame is None, "its connection is given back"
            gateway.hold.clear()
            left: Any = client.conversations.ask("conv_1", "hello")
            reading = asyncio.create_task(left.result())
            async with asyncio.timeout(240):
                while len(gateway.requests) < 2:  # noqa: ASYNC110 - the gateway is a thread
                    await asyncio.sleep(0.01)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert left._events.ag_frame is None
            gateway.hold.set()


def test_no_gateway_at_all_is_a_clear_error() -> None:
    with (
        Penstock("http://127.0.0.1:9", max_retries=0) as client,
        pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:9 can't be reached"),
    ):
        client.devices.list()
    with pytest.raises(ValueError, match="begins with http"):
        Penstock("127.0.0.1:8000")


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("__name__", "pandas numpy cryptography grpc penstock_kit fastapi keyring httpx2 asyncio email"),
        ("Penstock", "pandas numpy cryptography keyring penstock_client._async"),
        ("AsyncPenstock", "pandas numpy cryptography keyring penstock_client._sync"),
        ("OfflineQueue", "pandas numpy penstock_client._sync penstock_client._async"),
    ],
)
def test_the_package_imports_alone_and_loads_only_what_is_asked_for(tmp_path: Path, name: str, left_out: str) -> None:
    code = (
        f"import sys, penstock_client; penstock_client.{name}\n"
        f"print(sorted(set({left_out!r}.split()) & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_public_name_is_there_and_listed() -> None:
    assert set(penstock_client.__all__) <= set(dir(penstock_client))
    assert all(getattr(penstock_client, name) is not None for name in penstock_client.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        penstock_client.Nothing  # noqa: B018


def test_an_event_of_another_stream_is_no_part_of_the_answer() -> None:
    foreign = {**CHUNKS[1], "stream_id": "strm_2", "content": "not mine "}
    events = [CHUNKS[0], foreign, *CHUNKS[1:], LAST]
    with CuttingGateway(events, []) as gateway, Penstock(gateway.url) as client:
        read = list(client.conversations.resume("strm_1", after=0))
    assert [event.raw["content"] for event in read] == [event["content"] for event in EVENTS]


def test_an_event_that_comes_again_on_one_connection_is_read_once() -> None:
    events = [CHUNKS[0], CHUNKS[0], *CHUNKS[1:], CHUNKS[4], CHUNKS[1], LAST]
    with CuttingGateway(events, []) as gateway, Penstock(gateway.url) as client:
        read = list(client.conversations.resume("strm_1", after=0))
    assert [event.sequence for event in read] == [1, 2, 3, 4, 5, 6]
