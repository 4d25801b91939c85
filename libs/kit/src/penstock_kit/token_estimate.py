"""About how many tokens a text is, without a vocabulary: for budgets, histories, and counts that no vendor sent.

Characters a token, and how far that is from the vocabulary o200k_base (the newer models of OpenAI):

| text | counted as | off by |
|---|---|---|
| English prose | 4 | 0 to +35 %, least for long words |
| source code | 4 | 0 to +11 % |
| digits | 2 | +50 % for one long number, +6 % for numbers of six digits, -30 % in JSON, -40 % in CSV |
| Chinese, Japanese, Korean (all from U+2E80 on) | 1.4 | -6 to 0 %; emoji -40 % |
| Cyrillic, Arabic, accented Latin | 4 | 0 to +13 % |
| Greek, Devanagari | 4 | -20 to -35 % |

Older vocabularies (cl100k_base) need up to half as many tokens again for Chinese, and twice as many for Cyrillic.
"""

import re
from typing import Final

# Weights of one character in twenty-eighths of a token, so that sums are whole numbers.
_TOKEN: Final = 28
_NARROW: Final = 7
_DIGIT: Final = 14
_WIDE: Final = 20
_DIGITS: Final = "0123456789"
_WIDE_CHARACTERS: Final = re.compile("[\u2e80-\U0010ffff]")
# Characters of a long text that are looked at: the work is the same however long it is.
_COUNTED: Final = 30_000


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` is. A long one is judged by its beginning, middle and end."""
    if len(text) <= _COUNTED:
        return -(-_weight(text) // _TOKEN)
    middle, third = len(text) // 2, _COUNTED // 3
    sample = text[:third] + text[middle : middle + third] + text[-third:]
    return -(-_weight(sample) * len(text) // (len(sample) * _TOKEN))


def characters_within(text: str, tokens: int) -> int:
    """Return how many characters of `text`, from its beginning, are no more than `tokens`."""
    left, end = tokens * _TOKEN, 0
    for character in text:
        left -= _WIDE if character >= "\u2e80" else _DIGIT if character in _DIGITS else _NARROW
        if left < 0:
            break
        end += 1
    return end


def surely_within(text: str, tokens: int) -> bool:
    """Return whether `text` is no more than `tokens` whatever its characters are: quick, for short texts."""
    return len(text) * _WIDE <= tokens * _TOKEN


def _weight(text: str) -> int:
    ascii_characters = text.encode("ascii", "ignore")
    digits = len(ascii_characters) - len(ascii_characters.translate(None, b"0123456789"))
    wide = 0 if len(ascii_characters) == len(text) else len(_WIDE_CHARACTERS.findall(text))
    return len(text) * _NARROW + digits * (_DIGIT - _NARROW) + wide * (_WIDE - _NARROW)
