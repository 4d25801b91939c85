"""Tells questions whose answer is true for a while only: what is the temperature now, 今天几度."""

import re
from typing import Final

from penstock_kit.text.chinese_date import DATE_WORDS, PASSING
from penstock_kit.text.english_date import PASSING_PHRASES
from penstock_kit.text.tokenize import fold_text

_PASSING: Final = re.compile(
    "|".join((*PASSING_PHRASES, *sorted(word for word, date in DATE_WORDS.items() if date in PASSING))), re.IGNORECASE
)


def is_passing(text: str) -> bool:
    """Return whether `text` speaks of now, today, last week or the like."""
    return _PASSING.search(fold_text(text)) is not None
