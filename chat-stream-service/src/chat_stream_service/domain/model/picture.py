"""Pictures that belong to questions: what is taken, and which of them a prompt holds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from chat_stream_service.domain.model.picture_format import read_format
from penstock_kit.errors import FieldViolation, InvalidArgument

MEBIBYTE: Final = 1024 * 1024
# Of one question: pictures, bytes of each.
MAX_PICTURES: Final = 4
MAX_PICTURE_BYTES: Final = 3 * MEBIBYTE
# Pixels of a side: what the strictest vendor takes.
MAX_PICTURE_SIDE: Final = 8000
# Of one prompt, the question's own included: pictures, and bytes of all.
MAX_PROMPT_PICTURES: Final = 8
MAX_PROMPT_PICTURE_BYTES: Final = 16 * MEBIBYTE
# What a model counts for a picture of the size that vendors scale pictures to, in tokens.
PICTURE_TOKENS: Final = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a question; `data` is empty where only its description is read."""

    id: str
    media_type: str
    size_bytes: int
    data: bytes = field(default=b"", repr=False)


def check_pictures(files: Sequence[bytes], new_id: Callable[[str], str]) -> tuple[Picture, ...]:
    """Return the pictures in `files`, their kinds told by their bytes; InvalidArgument (PICTURE_INVALID) names the
    first one that can't be taken, and why."""
    if len(files) > MAX_PICTURES:
        raise _invalid("pictures", f"are {len(files)}; a question has at most {MAX_PICTURES}")
    return tuple(_checked(f"pictures[{index}]", data, new_id) for index, data in enumerate(files))


def pictures_for_prompt(newest_first: Iterable[Picture], *, question: Sequence[Picture]) -> list[Picture]:
    """Return the history's pictures that go into a prompt beside the question's own, the newest of them."""
    places = MAX_PROMPT_PICTURES - len(question)
    room = MAX_PROMPT_PICTURE_BYTES - total_bytes(question)
    chosen: list[Picture] = []
    for picture in newest_first:
        room -= picture.size_bytes
        if len(chosen) == places or room < 0:
            break
        chosen.append(picture)
    return chosen


def total_bytes(pictures: Iterable[Picture]) -> int:
    """Return how large the files of `pictures` are together."""
    return sum(picture.size_bytes for picture in pictures)


def _checked(name: str, data: bytes, new_id: Callable[[str], str]) -> Picture:
    if len(data) > MAX_PICTURE_BYTES:
        most = f"at most {MAX_PICTURE_BYTES // MEBIBYTE} MiB are taken, scale it down"
        raise _invalid(name, f"has {len(data) / MEBIBYTE:.1f} MiB; {most}")
    try:
        found = read_format(data)
    except ValueError as error:
        raise _invalid(name, str(error)) from None
    if max(found.width, found.height) > MAX_PICTURE_SIDE:
        text = f"is {found.width} x {found.height} pixels large; a side has at most {MAX_PICTURE_SIDE}, scale it down"
        raise _invalid(name, text)
    return Picture(id=new_id("pic"), media_type=found.media_type, size_bytes=len(data), data=data)


def _invalid(name: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{name} {description}",
        reason="PICTURE_INVALID",
        violations=[FieldViolation(field=name, description=description)],
    )
