"""What a user of the offline queue sees: bounds, warnings, keys, and what a gateway's answers do to it."""

import base64
import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_gateway import FakeGateway
from prometheus_client import CollectorRegistry

from penstock_client import LocalCache, OfflineQueue, Penstock, QueueError
from penstock_client.queue import GivenKey, KeyFile, SystemKeyStore, register_size_gauge


def texts(queue: OfflineQueue) -> list[str]:
    return [str(entry.message["content"]) for entry in queue.entries()]


def test_fifteen_messages_in_a_cache_of_ten_leave_the_newest_ten(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path, max_queue_size=10)
    for number in range(15):
        cache.add_to_offline_queue({"id": number, "content": f"message {number}"})
    queue = cache.get_offline_queue()
    assert [entry["message"]["id"] for entry in queue] == list(range(5, 15))
    assert queue[0]["message"]["id"] == 5
    assert [entry["message"]["id"] for entry in LocalCache(tmp_path).get_offline_queue()] == list(range(5, 15))


def test_a_kept_message_comes_back_as_it_was_also_what_is_none_in_it(tmp_path: Path) -> None:
    message = {"id": 1, "note": None, "parts": [None, {"text": "ä", "picture": None}], "share": 0.1, "done": False}
    LocalCache(tmp_path).add_to_offline_queue(message)
    assert [entry["message"] for entry in LocalCache(tmp_path).get_offline_queue()] == [message]


def test_a_queue_warns_once_when_it_is_four_fifths_full_and_for_each_message_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = OfflineQueue(tmp_path, max_queue_size=10)
    with caplog.at_level(logging.WARNING, "penstock_client"):
        for number in range(7):
            queue.add("c", f"{number}")
        assert not caplog.messages
        for number in range(5):
            queue.add("c", f"{number}")
    assert caplog.messages == [
        "the offline queue is 80 % full (8 of 10)",
        *["the offline queue is full (10): 1 of its oldest messages dropped"] * 2,
    ]


def test_the_size_is_a_gauge(tmp_path: Path) -> None:
    queue, registry = OfflineQueue(tmp_path), CollectorRegistry()
    register_size_gauge(queue, registry)
    queue.add("c", "one")
    assert registry.get_sample_value("offline_queue_size") == 1


def test_what_is_no_json_object_or_too_large_is_refused_and_named(tmp_path: Path) -> None:
    queue = OfflineQueue(tmp_path)
    with pytest.raises(ValueError, match="is a JSON object"):
        queue.add_message({"content": object()})
    with pytest.raises(ValueError, match="is a JSON object"):
        queue.add_message({"content": float("nan")})
    with pytest.raises(ValueError, match="at most 1 MiB"):
        queue.add("c", "x" * 2_000_000)
    with pytest.raises(ValueError, match="at least 1"):
        OfflineQueue(tmp_path, max_queue_size=0)
    assert len(queue) == 0


@pytest.mark.parametrize(
    "key",
    [bytes(range(32)), base64.urlsafe_b64encode(bytes(range(32))), base64.b64encode(bytes(range(32))).decode()],
    ids=["bytes", "base64 bytes", "base64 text"],
)
def test_a_key_is_taken_in_each_of_its_forms(key: bytes | str) -> None:
    assert GivenKey(key).load() == bytes(range(32))


def test_a_passphrase_is_stretched_and_a_short_one_refused() -> None:
    assert GivenKey("correct horse").load() != GivenKey("correct horsf").load()
    with pytest.raises(QueueError, match="at least 8 characters"):
        GivenKey("short")


def test_a_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key")
    with pytest.raises(QueueError, match="holds no key"):
        KeyFile(tmp_path / "key").load()


def test_a_key_store_that_is_not_there_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(QueueError, match="encryption_key= or key_source"):
        OfflineQueue(tmp_path, key_source=SystemKeyStore())
    assert time.monotonic() - started < 60
    assert not (tmp_path / "offline_queue.bin").exists()


@pytest.fixture
def gateway() -> Any:
    with FakeGateway() as running:
        yield running


@pytest.fixture
def client(gateway: FakeGateway) -> Any:
    with Penstock(gateway.url, api_key="psk_x", max_retries=0) as made:
        yield made


def test_a_flush_sends_everything_in_order_and_once(tmp_path: Path, gateway: FakeGateway, client: Penstock) -> None:
    queue = OfflineQueue(tmp_path)
    for number in range(6):
        queue.add(f"conv_{number % 2}", f"{number}")
    report = queue.flush(client)
    assert (report.sent, report.left, report.stopped_by) == (6, 0, "")
    assert [asked.content for asked in gateway.asked] == [f"{number}" for number in range(6)]
    assert len({asked.key for asked in gateway.asked}) == 6
    assert {answer.content for answer in report.answers.values() if answer} == {"yes"}
    assert queue.flush(client).sent == 0


def test_a_message_whose_answer_was_lost_goes_again_under_the_same_key(
    tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    entry = queue.add("conv_1", "one")
    gateway.cut_after_asking = 1
    report = queue.flush(client)
    assert (report.sent, report.left) == (0, 1)
    assert OfflineQueue(tmp_path).flush(client).sent == 1
    assert [asked.key for asked in gateway.asked] == [entry.id, entry.id]
    assert gateway.stored == [entry.id]


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_final_refusal_sets_the_message_aside_and_holds_up_its_conversation_alone(
    status: int, tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    bad = queue.add("conv_1", "bad")
    queue.add("conv_1", "behind it")
    queue.add("conv_2", "other")
    gateway.refuse("bad", status)
    report = queue.flush(client)
    assert (report.sent, report.left) == (1, 2)
    assert [entry.id for entry in report.refused] == [bad.id]
    assert [asked.content for asked in gateway.asked] == ["other"]
    assert str(status) in queue.refused()[0].refused
    gateway.refuse("bad", 0)
    assert queue.retry(bad.id)
    assert queue.flush(client).sent == 2
    assert [asked.content for asked in gateway.asked] == ["other", "bad", "behind it"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_keep_everything_and_wait_for_new_ones(
    status: int, tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    queue.add("conv_1", "one")
    gateway.refuse("one", status)
    report = queue.flush(client)
    assert "new credentials" in report.stopped_by
    assert texts(queue) == ["one"]
    assert not queue.refused()


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 503])
def test_a_passing_refusal_keeps_everything_and_tells_when_to_come_again(
    status: int, tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    queue.add("conv_1", "one")
    gateway.refuse("one", status, retry_after="7")
    report = queue.flush(client)
    assert report.retry_after == 7
    assert texts(queue) == ["one"]
    assert not queue.refused()


def test_a_queued_question_waits_for_a_busy_conversation_unless_it_says_otherwise(
    tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    queue.add("conv_1", "one")
    queue.add("conv_1", "two", on_busy="refuse")
    assert queue.flush(client).sent == 2
    assert [(asked.content, asked.on_busy) for asked in gateway.asked] == [("one", "wait"), ("two", "refuse")]


def test_without_a_gateway_nothing_is_lost(tmp_path: Path, gateway: FakeGateway, client: Penstock) -> None:
    queue = OfflineQueue(tmp_path)
    queue.add("conv_1", "one")
    gateway.stop()
    report = queue.flush(client)
    assert report.left == 1
    assert "can't be reached" in report.stopped_by


def test_the_message_in_flight_is_never_the_one_to_make_room(
    tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path, max_queue_size=2)
    queue.add("conv_1", "first")
    queue.add("conv_1", "second")
    gateway.hold.clear()
    flushing = threading.Thread(target=queue.flush, args=(client,))
    flushing.start()
    assert gateway.arrived.wait(60)
    queue.add("conv_1", "third")
    assert texts(queue) == ["first", "third"]
    gateway.hold.set()
    flushing.join(60)
    assert [asked.content for asked in gateway.asked] == ["first", "third"]
    assert len(queue) == 0


def test_of_two_flushes_at_once_one_works(tmp_path: Path, gateway: FakeGateway, client: Penstock) -> None:
    queue, other = OfflineQueue(tmp_path), OfflineQueue(tmp_path)
    queue.add("conv_1", "one")
    gateway.hold.clear()
    flushing = threading.Thread(target=queue.flush, args=(client,))
    flushing.start()
    assert gateway.arrived.wait(60)
    assert other.flush(client).stopped_by == "another flush is under way"
    gateway.hold.set()
    flushing.join(60)
    assert [asked.content for asked in gateway.asked] == ["one"]


def test_a_message_without_a_conversation_gets_one_made_once(
    tmp_path: Path, gateway: FakeGateway, client: Penstock
) -> None:
    queue = OfflineQueue(tmp_path)
    entry = queue.add("", "hello")
    assert queue.flush(client).sent == 1
    assert gateway.created == [f"{entry.id}-conversation"]


@pytest.mark.parametrize("message", ["hello", None, 5, [], ["content", "hello"]])
def test_a_message_that_is_no_object_is_refused_and_hides_no_other(tmp_path: Path, message: Any) -> None:
    cache = LocalCache(tmp_path)
    cache.add_to_offline_queue({"content": "first"})
    with pytest.raises(ValueError, match="a queued message is a JSON object"):
        cache.add_to_offline_queue(message)
    assert [entry["message"] for entry in cache.get_offline_queue()] == [{"content": "first"}]
