"""What a fake vendor answers next, faults included."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any


class UntilTold(Sequence[str]):
    """Chunks of an answer that goes on until the test has seen enough and sets `told`: `word0 `, `word1 ` and so on."""

    def __init__(self, word: str = "") -> None:
        self.told = False
        self._word = word

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, at: Any) -> Any:
        return f"{self._word}{at} "

    def __iter__(self) -> Iterator[str]:
        return takewhile(lambda _: not self.told, map(self.__getitem__, count()))


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeToolCall:
    """A call the fake model makes; its arguments are streamed in pieces of `piece` characters."""

    name: str
    arguments: str
    id: str = "call_1"
    piece: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeUsage:
    """Counts as OpenAI reports them: `prompt` holds `cached` and `written`, `completion` holds `reasoning`."""

    prompt: int = 5
    completion: int = 1
    cached: int = 0
    reasoning: int = 0
    written: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, good or bad.

    `chunks` are the deltas of the text. Seconds: `delay` before anything is sent, `chunk_delay` between
    chunks. Faults: `status` with `error` (message) and `code`; `cut_after` N chunks the connection is
    torn down; `hang_after` N chunks nothing more comes; `raw`, `raw_times` over, replaces the body, `tail` what
    follows the chunks; `finish_reason` None ends the answer politely without one; `error_after` N chunks an error event
    comes. `signature` and `redacted` are the proof and the encrypted part of the thinking, where the vendor has
    them; `blocks` are Anthropic's own content blocks, instead of all of these.
    """

    chunks: Sequence[str] = ("po", "ng")
    thinking: Sequence[str] = ()
    signature: str = ""
    redacted: str = ""
    refusal: str = ""
    tool_calls: Sequence[FakeToolCall] = ()
    blocks: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = "stop"
    usage: FakeUsage | None = FakeUsage()
    model: str = ""
    status: int = 200
    error: str = "it failed"
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    chunk_delay: float = 0.0
    cut_after: int | None = None
    hang_after: int | None = None
    error_after: int | None = None
    raw: bytes | None = None
    raw_times: int = 1
    tail: bytes = b""
    content_type: str = ""
    logprobs: Mapping[str, Any] | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request the fake vendor got; `path` with its query, `at` the monotonic clock's seconds."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float = 0.0
