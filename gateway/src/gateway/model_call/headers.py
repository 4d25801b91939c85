"""Headers of a model call's response: who answered, what was dropped, who failed before, what the caches did."""

from collections.abc import Iterable, Sequence
from typing import Final

from penstock.llm.v1 import llm_pb2 as pb

from gateway.http.headers import Header

# Characters of a name in a header, and of all of them: clients read no header of more than 8 KiB, proxies none of 4.
_LONGEST_NAME: Final = 100
_LONGEST_NAMES: Final = 2_000


def headers_from_started(started: pb.Started, dropped: Sequence[str] = ()) -> list[Header]:
    """Return the headers that say who answered and how: provider, dropped knobs, degradation, cache.

    `dropped` are those that the provider was not even asked with.
    """
    headers: list[Header] = []
    if started.provider:
        headers.append((b"x-penstock-provider", _header_value(started.provider)))
    if dropped or started.dropped_params:
        headers.append(dropped_header([*dropped, *started.dropped_params]))
    if started.degraded:
        failed = (f"{attempt.provider}:{attempt.error_kind}" for attempt in started.failed_attempts)
        headers.append((b"x-degraded", _header_value(",".join(failed)) or b"true"))
    if started.cache:
        headers.append((b"x-cache", _header_value(_cache_verdict(started))))
    return headers


def dropped_header(names: Iterable[str]) -> Header:
    """Return the header that names what was dropped, each once; callers choose the names, so long ones are cut.

    Of very many the first are named and the rest counted: ``store,truncation,+40 more``.
    """
    given = list(dict.fromkeys(_short(name) for name in names))
    kept, length = 0, 0
    while kept < len(given) and (length := length + len(given[kept]) + 1) <= _LONGEST_NAMES:
        kept += 1
    told = [*given[:kept], *([f"+{len(given) - kept} more"] if kept < len(given) else [])]
    return (b"x-dropped-params", _header_value(",".join(told)))


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _cache_verdict(started: pb.Started) -> str:
    if started.cache == "semantic_hit":
        return f"hit; sim={started.similarity:.2f}"
    return started.cache


def _header_value(text: str) -> bytes:
    """Return `text` as a header may carry it: printable ASCII, no line can be broken."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return "".join(c if c.isprintable() else "?" for c in text).encode("ascii", "replace")
