"""Events are put together from whatever pieces the network brings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.providers.sse import ErrorData, EventTooLongError, SseReader


def read(*pieces: bytes) -> list[bytes]:
    reader = SseReader()
    found = [data for piece in pieces for data in reader.feed(piece)]
    return [*found, *reader.end()]


def test_events_are_found() -> None:
    assert read(b"data: one\n\ndata: two\n\n") == [b"one", b"two"]


def test_comments_ids_and_retry_times_are_skipped() -> None:
    assert read(b": ping\n\nid: 7\nevent: chunk\nretry: 10\ndata: x\n\n") == [b"x"]


def test_carriage_returns_and_missing_blanks_are_taken() -> None:
    assert read(b"data:one\r\n\r\ndata: two\r\n\r\n") == [b"one", b"two"]


def test_a_carriage_return_alone_ends_a_line() -> None:
    assert read(b": ping\rdata: one\r\revent: chunk\rdata: {\rdata: }\r\r") == [b"one", b"{\n}"]
    assert read(b"data: one\r\r", b"data: two\n\n", b"data: three\r", b"\r") == [b"one", b"two", b"three"]


def test_a_line_end_that_is_cut_in_two_is_one() -> None:
    assert read(b"data: {\r", b"\ndata: }\r", b"\n\r", b"\n") == [b"{\n}"]


def test_a_mark_of_the_byte_order_before_the_stream_is_no_part_of_it() -> None:
    assert read(b"\xef\xbb\xbfdata: one\n\n", b"data: two\n\n") == [b"one", b"two"]


def test_lines_of_one_event_are_joined() -> None:
    assert read(b"data: {\ndata: }\n\n") == [b"{\n}"]


def test_a_last_event_without_a_blank_line_counts() -> None:
    assert read(b"data: one\n\ndata: two") == [b"one", b"two"]


def test_a_line_without_end_is_refused_before_memory_runs_out() -> None:
    reader = SseReader(limit=1000)
    with pytest.raises(EventTooLongError, match="longer than 1000 bytes"):
        for _ in range(100):
            list(reader.feed(b"x" * 100))


def test_an_event_of_many_lines_is_refused_too() -> None:
    reader = SseReader(limit=1000)
    with pytest.raises(EventTooLongError):
        for _ in range(100):
            list(reader.feed(b"data: " + b"x" * 100 + b"\n"))


def test_a_stream_may_be_longer_than_an_event() -> None:
    reader = SseReader(limit=1000)
    events = [data for _ in range(50) for data in reader.feed(b"data: " + b"x" * 400 + b"\ndata: y\n\n")]
    assert [len(data) for data in events] == [402] * 50


def test_only_the_event_that_is_named_an_error_is_one() -> None:
    reader = SseReader()
    found = list(reader.feed(b"data: a\n\nevent: error\ndata: b\n\ndata: c\n\nevent: chunk\ndata: d\n\n"))
    assert [(bytes(data), isinstance(data, ErrorData)) for data in found] == [
        (b"a", False), (b"b", True), (b"c", False), (b"d", False),
    ]  # fmt: skip


@given(
    st.lists(st.text(st.characters(exclude_categories=["C"])), max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.data(),
)
def test_how_the_bytes_are_cut_makes_no_difference(texts: list[str], end: bytes, data: st.DataObject) -> None:
    whole = b"".join(b"data: " + text.encode() + end + end for text in texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == [text.encode() for text in texts]


def test_an_event_that_comes_with_one_read_is_the_same_as_one_in_pieces() -> None:
    for whole in (
        b"data: one\n\n",
        b"data: one\r\n\n",
        b"data: one\r\r",
        b"data:one\n\n",
        b"data: one\r\n\r\n",
        b": ping\n\n",
        b"\n\n",
    ):
        assert read(whole) == read(*[whole[at : at + 1] for at in range(len(whole))])


def test_what_follows_the_name_of_an_error_is_an_error_though_it_comes_by_itself() -> None:
    [data] = read(b"event: error\n", b"data: no\n\n")
    assert isinstance(data, ErrorData)


def test_an_event_that_comes_with_one_read_is_bounded() -> None:
    reader = SseReader(limit=1000)
    assert list(reader.feed(b"data: " + b"x" * 1000 + b"\n\n")) == [b"x" * 1000]
    with pytest.raises(EventTooLongError):
        list(reader.feed(b"data: " + b"x" * 1001 + b"\n\n"))
