"""How much of a prompt the rules read: a bounded part, whatever its length."""

import unicodedata
from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.sql_asked import in_words

# Characters of a prompt that are read: half of them from its beginning, half from its end.
LONGEST_PROMPT: Final = 1_000
# Characters of a word that are read; nothing the rules know is longer.
LONGEST_WORD: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadablePrompt:
    """The part of a prompt that is read, in plain characters (NFKC); `omitted` characters are not."""

    text: str
    omitted: int = 0


def readable_prompt(text: str) -> ReadablePrompt:
    """Return what is read of `text`: beginning and end when it is long, and no word beyond LONGEST_WORD, SQL in words.

    A question pasted before or after a long log is at one of its ends. Everything after this works on at most
    LONGEST_PROMPT characters, so that reading a prompt costs the same bounded time whatever is sent.
    """
    half = LONGEST_PROMPT // 2
    omitted = max(0, len(text) - LONGEST_PROMPT)
    parts = (text[:half], text[-half:]) if omitted else (text,)
    plain = [unicodedata.normalize("NFKC", part) for part in parts]
    words: list[str] = []
    for word in " … ".join(plain).split():
        omitted += max(0, len(word) - LONGEST_WORD) if word.isascii() else 0
        words.append(word[:LONGEST_WORD] if word.isascii() else word)
    return ReadablePrompt(text=in_words(" ".join(words))[: LONGEST_PROMPT + 3], omitted=omitted)
