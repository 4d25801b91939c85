"""Calls that miss because the client's base URL is another than it should be: one without ``/v1``, or with it twice."""

import re
from dataclasses import dataclass
from typing import Final

_OPENAI: Final = re.compile(r"/(?:chat/completions|responses|embeddings|models(?:/[^/].*)?)/?$")
_ANTHROPIC: Final = re.compile(r"/messages(?:/count_tokens)?/?$")
_OWN: Final = "/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misdirected:
    """A call that missed: the path that was meant, and which base URL leads to it."""

    path: str
    remedy: str


def misdirected(path: str, *, is_anthropic: bool) -> Misdirected | None:
    """Return what a client meant that asked for `path`, which is none of ours; None where nobody can tell.

    `is_anthropic`: the caller speaks Anthropic's protocol, whose clients ask for ``/v1/models`` too.
    """
    if found := _ANTHROPIC.search(path):
        return _of_anthropic(found[0])
    if found := _OPENAI.search(path):
        return _of_anthropic(found[0]) if is_anthropic else _of_openai(found[0])
    if (at := path.rfind(_OWN)) > 0:
        return _meant(path[at:], "Penstock's own API wants a base URL without a path, http://HOST:PORT")
    return None


def _of_openai(end: str) -> Misdirected:
    return _meant(f"/v1{end}", "OpenAI's clients want a base URL with one /v1 at its end, http://HOST:PORT/v1")


def _of_anthropic(end: str) -> Misdirected:
    return _meant(f"/v1{end}", "Anthropic's clients want a base URL without /v1, http://HOST:PORT")


def _meant(path: str, remedy: str) -> Misdirected:
    return Misdirected(path=path.rstrip("/"), remedy=f"{remedy}, so that this call goes to {path.rstrip('/')}")
