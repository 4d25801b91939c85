"""How large a body may be, packed and unpacked, and what is made of it on its way."""

import gzip
import zlib
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.middleware.body_limit import BodyLimit
from penstock_kit.errors import InvalidArgument, PayloadTooLarge, PenstockError

LIMIT = 1000
STEP = 256 * 1024


async def read(
    pieces: Sequence[bytes], encoding: str = "", *, path: str = "/x", limit: int = LIMIT, **headers: str
) -> list[bytes]:
    """Send a body in `pieces` through the limit; return the pieces that the application was given."""
    given: list[bytes] = []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting[-1]["more_body"] = False

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while True:
            message = await receive()
            given.append(message["body"])
            if not message["more_body"]:
                break
        assert await receive() == {"type": "http.disconnect"}

    named = {"content-encoding": encoding} if encoding else {}
    scope: Any = {"type": "http", "path": path}
    scope["headers"] = [
        (name.replace("_", "-").encode(), value.encode()) for name, value in {**named, **headers}.items()
    ]
    limits = BodyLimit(app, limit=limit, paths={"/large": 2 * LIMIT, "/small": 10})
    await limits(scope, receive, None)  # type: ignore[arg-type]
    assert not waiting
    return given


async def reason_of(*arguments: Any, **options: Any) -> str:
    with pytest.raises(PenstockError) as refused:
        await read(*arguments, **options)
    return refused.value.reason


@pytest.mark.parametrize(("path", "most"), [("/x", 1000), ("/large", 2000), ("/small", 10), ("/small/x", 1000)])
async def test_a_body_may_have_what_its_path_may_and_no_byte_more(path: str, most: int) -> None:
    assert await read([b"a" * (most - 1), b"b"], path=path) == [b"a" * (most - 1), b"b"]
    for encoding in ("gzip", "x-gzip", "GZIP ", "deflate"):
        packed = zlib.compress(b"a" * most) if encoding == "deflate" else gzip.compress(b"a" * most)
        assert b"".join(await read([packed], encoding, path=path)) == b"a" * most
    with pytest.raises(PayloadTooLarge, match=f"larger than {most} bytes") as refused:
        await read([b"a" * most, b"b"], path=path)
    assert refused.value.reason == "BODY_LIMIT_EXCEEDED"
    assert await reason_of([gzip.compress(b"a" * (most + 1))], "gzip", path=path) == "BODY_LIMIT_EXCEEDED"


async def test_a_length_that_is_declared_too_large_is_refused_before_the_body_is_read() -> None:
    assert await reason_of([b"never read"], content_length="1001") == "BODY_LIMIT_EXCEEDED"
    assert await read([b"x"], content_length="1000") == [b"x"]
    assert await read([b"x"], content_length="-1001") == [b"x"]  # no number: what comes is counted


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP])
@pytest.mark.parametrize("piece", [7, 64, 1 << 20])
async def test_a_packed_body_comes_out_whole_in_steps_however_it_is_cut(size: int, piece: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    packed = gzip.compress(body[:size])
    given = await read([packed[at : at + piece] for at in range(0, len(packed), piece)], "gzip", limit=4 * STEP)
    assert b"".join(given) == body[:size]
    assert max(map(len, given)) <= STEP


async def test_a_socket_passes_as_it_is() -> None:
    seen: list[Any] = []

    async def app(*given: Any) -> None:
        seen.extend(given)

    given: Any = ({"type": "websocket"}, "receive", "send")
    await BodyLimit(app, limit=LIMIT, paths={})(*given)
    assert tuple(seen) == given


async def test_a_packed_body_that_brings_nothing_is_read_as_far_as_it_could_bring_the_limit() -> None:
    head = gzip.compress(b"")[:3] + b"\x08" + gzip.compress(b"")[4:10]  # a name follows, of any length
    most = LIMIT + 64 * 1024
    assert await reason_of([head, b"n" * (most - 10)], "gzip") == "CONTENT_ENCODING_INVALID"
    assert await reason_of([head, b"n" * (most - 9)], "gzip") == "BODY_LIMIT_EXCEEDED"


async def test_parts_are_joined_as_long_as_they_bring_content() -> None:
    parts = [gzip.compress(bytes([n % 256]) * 256) for n in range(1000)]
    assert b"".join(await read([b"".join(parts)], "gzip", limit=300_000)) == b"".join(
        bytes([n % 256]) * 256 for n in range(1000)
    )
    few = b"".join([gzip.compress(b"")] * 64 + [gzip.compress(b"x")])
    assert b"".join(await read([few], "gzip", limit=10_000)) == b"x"


@pytest.mark.parametrize("content", [b"", b"x"])
@pytest.mark.parametrize("pieces", [1, 66])
async def test_a_body_of_many_parts_with_hardly_any_content_is_refused(content: bytes, pieces: int) -> None:
    parts = [gzip.compress(content)] * 66
    with pytest.raises(InvalidArgument, match=r"more than 64 joined parts with hardly any content") as refused:
        await read(parts if pieces > 1 else [b"".join(parts)], "gzip", limit=10_000)
    assert refused.value.reason == "CONTENT_ENCODING_INVALID"


@pytest.mark.parametrize(
    ("body", "encoding", "reason", "text"),
    [
        (gzip.compress(b"x", mtime=0)[:-1], "gzip", "CONTENT_ENCODING_INVALID", "ends early"),
        (b"", "gzip", "CONTENT_ENCODING_INVALID", "ends early"),
        (b"plain", "gzip", "CONTENT_ENCODING_INVALID", "damaged"),
        (gzip.compress(b"x", mtime=0) + b"more", "gzip", "CONTENT_ENCODING_INVALID", "damaged"),
        (gzip.compress(b"x", mtime=0), "deflate", "CONTENT_ENCODING_INVALID", "damaged"),
        (b"x", "br", "CONTENT_ENCODING_UNSUPPORTED", "'br' is not understood; send gzip, deflate or none"),
        (b"x", "gzip, gzip", "CONTENT_ENCODING_UNSUPPORTED", "is not understood"),
    ],
)
async def test_what_is_not_packed_as_it_says_is_refused(body: bytes, encoding: str, reason: str, text: str) -> None:
    with pytest.raises(InvalidArgument, match=text) as refused:
        await read([body], encoding)
    assert refused.value.reason == reason


async def test_identity_is_no_packing_and_a_client_that_leaves_is_told() -> None:
    assert await read([b"plain"], "identity") == [b"plain"]

    async def leaves() -> Any:
        return {"type": "http.disconnect"}

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        assert await receive() == {"type": "http.disconnect"}

    for encoding in (b"gzip", b"identity"):
        scope: Any = {"type": "http", "path": "/x", "headers": [(b"content-encoding", encoding)]}
        await BodyLimit(app, limit=LIMIT, paths={})(scope, leaves, None)  # type: ignore[arg-type]
