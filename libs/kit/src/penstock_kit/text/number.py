"""English number words as numbers, and one way of writing a number."""

from decimal import Decimal, InvalidOperation
from typing import Final

_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
    "seventeen eighteen nineteen".split()
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ORDINALS: Final = "second third fourth fifth sixth seventh eighth ninth tenth".split()  # noqa: SIM905
_LARGE: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
# "one" is more often no number: "a good one".
NUMBER_WORDS: Final = (
    {word: value for value, word in enumerate(_SMALL) if word != "one"}
    | {word: 10 * value for value, word in enumerate(_TENS, start=2)}
    | _LARGE
    | {"once": 1, "twice": 2, "thrice": 3, "double": 2, "triple": 3, "quadruple": 4, "dozen": 12, "single": 1}
)
ORDINAL_WORDS: Final = {word: value for value, word in enumerate(_ORDINALS, start=2) if word != "second"}


def plain_number(text: str) -> str:
    """Return a number without grouping, plus and trailing zeros: ``1,000.50`` is 1000.5."""
    try:
        value = Decimal(text.replace(",", "").removeprefix("+"))
    except InvalidOperation:
        return text
    return format(value.normalize(), "f") if value else "0"


def spoken_number(words: list[str]) -> str:
    """Return the number that a run of number words says: two hundred and five is 205."""
    total, part = 0, 0
    for word in words:
        value = NUMBER_WORDS[word]
        if value >= _LARGE["thousand"]:
            total, part = total + (part or 1) * value, 0
        elif word == "hundred":
            part = (part or 1) * value
        else:
            part += value
    return str(total + part)
