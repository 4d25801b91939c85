"""What counts as a picture, told by the file and never by what its sender says."""

import itertools
import struct
from datetime import UTC, datetime

import pytest

from chat_stream_service.domain.model.message import Message, PromptMessage, Role, message_tokens, prompt_of, words_of
from chat_stream_service.domain.model.picture import (
    MAX_PICTURE_BYTES,
    PICTURE_TOKENS,
    Picture,
    check_pictures,
    pictures_for_prompt,
)
from chat_stream_service.domain.model.picture_format import read_format
from chat_stream_service.domain.stream.picture_memory import PictureMemory
from penstock_kit.errors import InvalidArgument, Unavailable
from penstock_testkit.pictures import gif, jpeg, png, webp

FILES = {"image/png": png(), "image/jpeg": jpeg(), "image/gif": gif(), "image/webp": webp()}


def taken(*files: bytes) -> tuple[Picture, ...]:
    numbers = itertools.count(1)
    return check_pictures(files, lambda kind: f"{kind}_{next(numbers)}")


@pytest.fixture
def message() -> Message:
    shown = taken(png(), jpeg())
    return Message(
        id="msg_1",
        conversation_id="conv_1",
        role=Role.USER,
        content="Look",
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
        pictures=shown,
    )


@pytest.mark.parametrize("media_type", FILES)
def test_each_kind_is_known_by_its_bytes_with_its_size(media_type: str) -> None:
    found = read_format(FILES[media_type])
    assert (found.media_type, found.width, found.height) == (media_type, 3, 2)


@pytest.mark.parametrize("media_type", FILES)
def test_a_picture_that_is_cut_off_anywhere_is_refused(media_type: str) -> None:
    whole = FILES[media_type]
    for length in range(12, len(whole)):
        with pytest.raises(InvalidArgument, match=r"pictures\[0\]"):
            taken(whole[:length])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "empty"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "an SVG drawing"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><svg/>', "an SVG drawing"),
        (b"<!-- a picture --><svg onload=alert(1)>", "an SVG drawing"),
        (b"%PDF-1.7", "a PDF file"),
        (b"BM" + bytes(60), "a BMP picture"),
        (b"\x00\x00\x00\x18ftypheic", "a HEIC picture"),
        (b"\x00\x00\x00\x18ftypavif", "an AVIF picture"),
        (b"<html><img src=x onerror=alert(1)>", "no picture"),
        (b"MZ\x90\x00", "no picture"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "no picture"),
        (b"GIF89a/*" + b"<script>alert(1)</script>" * 9, "no GIF"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "no PNG"),
        (b"\xff\xd8\xff/*<script>*/", "cut off|no JPEG"),
    ],
)
def test_another_file_is_refused_by_what_it_is_and_the_error_says_what_is_taken(data: bytes, name: str) -> None:
    with pytest.raises(InvalidArgument, match=name) as refused:
        taken(data)
    assert refused.value.reason == "PICTURE_INVALID"
    assert refused.value.violations[0].field == "pictures[0]"


def test_the_error_counts_from_the_first_picture_and_names_the_one_that_is_wrong() -> None:
    with pytest.raises(InvalidArgument, match=r"pictures\[1\] is a PDF file; PNG, JPEG, GIF and WebP are looked at"):
        taken(png(), b"%PDF-1.7")


def test_a_question_has_at_most_four_pictures() -> None:
    assert len(taken(*[png()] * 4)) == 4
    with pytest.raises(InvalidArgument, match="are 5; a question has at most 4"):
        taken(*[png()] * 5)


def test_a_picture_has_at_most_three_mebibytes() -> None:
    assert taken(png(size=MAX_PICTURE_BYTES))[0].size_bytes == MAX_PICTURE_BYTES
    with pytest.raises(InvalidArgument, match="at most 3 MiB"):
        taken(png(size=MAX_PICTURE_BYTES + 1))


@pytest.mark.parametrize(("width", "height"), [(8001, 1), (1, 8001), (0, 5), (2**31, 2**31)])
def test_a_picture_that_no_vendor_takes_by_its_size_is_refused_at_once(width: int, height: int) -> None:
    with pytest.raises(InvalidArgument, match="pixels large"):
        taken(png(width=width, height=height))


def test_a_jpeg_with_a_small_picture_inside_that_ends_before_its_own_end_is_cut_off() -> None:
    thumbnail = jpeg()
    inside = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    outer = jpeg()
    nested = outer[:2] + inside + outer[2:]
    assert read_format(nested).width == 3
    with pytest.raises(ValueError, match="cut off"):
        read_format(nested[:-2])


def test_a_prompt_shows_the_newest_pictures_within_its_count_and_its_bytes() -> None:
    def picture(number: int, mebibytes: float) -> Picture:
        return Picture(id=f"pic_{number}", media_type="image/png", size_bytes=int(mebibytes * 2**20))

    small = [picture(number, 0.1) for number in range(20, 0, -1)]

    def chosen(pictures: list[Picture], question: list[Picture] | None = None) -> list[str]:
        return [each.id for each in pictures_for_prompt(pictures, question=question or [])]

    assert chosen(small) == [f"pic_{n}" for n in range(20, 12, -1)]
    assert chosen(small, small[:3]) == [f"pic_{n}" for n in range(20, 15, -1)]
    large = [picture(number, 3) for number in range(9, 0, -1)]
    assert chosen(large) == ["pic_9", "pic_8", "pic_7", "pic_6", "pic_5"]
    assert chosen(large, large[:4]) == ["pic_9"]


def test_a_picture_counts_in_a_prompt_and_one_that_is_not_shown_again_is_named(message: Message) -> None:
    first = message.pictures[0]
    shown = prompt_of(message, {first.id: first})
    assert shown.pictures == (first,)
    assert shown.content == "Look\n[1 picture of then, not shown again]"
    assert (
        message_tokens(shown) - message_tokens(PromptMessage(role=Role.USER, content=shown.content)) == PICTURE_TOKENS
    )
    assert words_of(message) == "Look\n[2 pictures]"


def test_the_bytes_of_a_picture_are_in_no_log_line() -> None:
    assert "PNG" not in repr(taken(png())[0])


def test_turns_reserve_the_memory_of_their_pictures_and_give_it_back_once() -> None:
    memory = PictureMemory(most=10)
    first, second = memory.reserve(6), memory.reserve(4)
    with pytest.raises(Unavailable, match="more pictures are being looked at") as refused:
        memory.reserve(1)
    assert refused.value.reason == "LOAD_LIMIT_EXCEEDED"
    assert not first.try_grow(1)
    memory.reserve(0).release()
    second.release()
    second.release()
    assert first.try_grow(4)
    assert not first.try_grow(1)
    first.release()
    assert memory.reserve(10).try_grow(0)
