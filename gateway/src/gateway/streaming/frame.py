"""Server-Sent Events as bytes, in the only forms that every client survives."""

from typing import Final

# One newline and no blank line: with a blank line openai-python takes a comment for an empty event and dies.
HEARTBEAT: Final = b": ka\n"
# Before a stream of ours is closed without its terminal event: `retry:` and the last id say how to go on.
RECONNECT: Final = b": reconnect\n"
DONE: Final = b"data: [DONE]\n\n"

EVENT_STREAM_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


def data_frame(json: bytes) -> bytes:
    """Return an event that is only data. `json` holds no raw newline."""
    return b"data: " + json + b"\n\n"


def event_frame(json: bytes, *, event: str, id: int | None = None, retry: int | None = None) -> bytes:
    """Return a named event; `retry` is in milliseconds and never travels as an event of its own."""
    head = b"" if id is None else b"id: %d\n" % id
    if retry is not None:
        head += b"retry: %d\n" % retry
    return head + b"event: " + event.encode() + b"\ndata: " + json + b"\n\n"
