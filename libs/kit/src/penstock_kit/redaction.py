"""Finds secrets in whatever is about to be written and masks them.

The log sink and the error edge pass everything through a :class:`Redactor`, so that no caller has to remember.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from penstock_kit.errors import FieldViolation, PenstockError

# A name with one of these in it is of a secret; counts of tokens are none.
_SECRET_NAME: Final = re.compile(r"password|passwd|secret|token(?!s)|api_key|apikey|private_key|credential")
# Names that end so are of a measure or a rule about secrets: ACCESS_TOKEN_SECONDS, password_min_length.
_MEASURES: Final = ("seconds", "minutes", "hours", "days", "timeout", "length", "limit", "count", "budget")
_VISIBLE_FROM: Final = 12
_MASK: Final = "****"
_MIN_REGISTERED: Final = 4
_DEPTH: Final = 8

# Repetitions are bounded: without that a long text of the caller's costs quadratic time.
# A password in a URL runs to the last @ before the path.
_URL_PASSWORD: Final = re.compile(
    r"(?P<head>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s/?#:@]{0,100}:)(?P<secret>[^\s/?#]{1,2000})(?=@)"
)
_ASSIGNED: Final = re.compile(
    r"(?i)(?P<head>\b[\w-]{0,40}(?:password|passwd|secret|api[_-]?key|access[_-]?token|refresh[_-]?token)"
    r"[\"']?\s*[=:]\s*[\"']?)(?P<secret>(?!<)[^\s\"'&,;{}()]{3,})"
)
# "password: must be longer" is a sentence, "password: hunter2" is none.
_SENTENCE: Final = re.compile(r": $")
_PLAIN_WORD: Final = re.compile(r"[A-Za-z]{1,19}")
_SHAPES: Final = re.compile(
    r"\bpsk_[A-Za-z0-9_\-.]{6,}"
    r"|\bsk-[A-Za-z0-9_\-]{8,}"
    r"|\bAIza[A-Za-z0-9_\-]{10,}"
    r"|\beyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
    # A token by RFC 6750; "Bearer token" and "Bearer <API key>" are words about one.
    r"|(?<=[Bb]earer )(?![A-Za-z][a-z]{0,18}(?![A-Za-z0-9\-._~+/=]))[A-Za-z0-9\-._~+/]{4,}=*"
)


def mask_secret(secret: str) -> str:
    """Return ``sk-1…cd23`` for a long secret and ``****`` for one under 12 characters."""
    return f"{secret[:4]}…{secret[-4:]}" if len(secret) >= _VISIBLE_FROM else "****"


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a secret by its name (``OPENAI_API_KEY``, ``password`` …)."""
    lowered = name.lower().replace("-", "_")
    if lowered.endswith(_MEASURES):
        return False
    return lowered == "authorization" or _SECRET_NAME.search(lowered) is not None


def mask_urls(text: str) -> str:
    """Return `text` with the password of every ``scheme://user:password@host`` replaced."""
    return _URL_PASSWORD.sub(rf"\g<head>{_MASK}", text)


def _masked_assignment(found: re.Match[str]) -> str:
    after = found.string[found.end() : found.end() + 2]
    is_sentence = after[:1] == " " and after[1:].isalpha() and _SENTENCE.search(found["head"])
    if is_sentence and _PLAIN_WORD.fullmatch(found["secret"]):
        return found.group()
    return found["head"] + mask_secret(found["secret"])


class Redactor:
    """Masks secrets by exact value (registered ones), by shape (``sk-…``, JWT, …) and by the key they sit under."""

    def __init__(self) -> None:
        self._registered: set[str] = set()
        self._exact: re.Pattern[str] | None = None

    def register(self, *secrets: str) -> None:
        """Mask these very values wherever they appear from now on; those under 4 characters are too common to mask."""
        new = {secret for secret in secrets if len(secret) >= _MIN_REGISTERED} - self._registered
        if not new:
            return
        self._registered |= new
        longest_first = sorted(self._registered, key=len, reverse=True)
        self._exact = re.compile("|".join(re.escape(known) for known in longest_first))

    def text(self, text: str) -> str:
        """Return `text` with every secret in it masked, also what follows ``password=`` and its like."""
        return _ASSIGNED.sub(_masked_assignment, self.message(text))

    def message(self, text: str) -> str:
        """Return `text` with registered and secret-shaped words masked; sentences about passwords stay readable."""
        if self._exact is not None:
            text = self._exact.sub(lambda found: mask_secret(found.group()), text)
        if "://" in text:
            text = mask_urls(text)
        return _SHAPES.sub(lambda found: mask_secret(found.group()), text)

    def error(self, error: PenstockError) -> PenstockError:
        """Return `error` as it may be shown to a caller: the same, with secrets in its texts masked."""
        return PenstockError(
            self.message(error.message),
            reason=error.reason,
            kind=error.kind,
            metadata={key: self.message(value) for key, value in error.metadata.items()},
            retry_after=error.retry_after,
            violations=[
                FieldViolation(field=found.field, description=self.message(found.description))
                for found in error.violations
            ],
        )

    def value(self, value: Any, *, key: str = "", depth: int = _DEPTH) -> Any:
        """Return `value` (of any JSON-like shape) with secrets masked; `key` is the name it sits under."""
        if isinstance(value, str):
            return mask_secret(value) if value and key and is_secret_name(key) else self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth == 0:
            return "…"
        if isinstance(value, Mapping):
            entries: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {name: self.value(entry, key=str(name), depth=depth - 1) for name, entry in entries.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
            return [self.value(item, key=key, depth=depth - 1) for item in items]
        return self.text(str(value))
