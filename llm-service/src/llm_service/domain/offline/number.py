"""Numbers in words: English to twelve, Chinese to ninety-nine."""

from typing import Final

_ENGLISH: Final = {
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "two": 2.0,
    "couple of": 2.0,
    "a couple of": 2.0,
    "three": 3.0,
    "few": 3.0,
    "a few": 3.0,
    "four": 4.0,
    "five": 5.0,
    "six": 6.0,
    "seven": 7.0,
    "eight": 8.0,
    "nine": 9.0,
    "ten": 10.0,
    "eleven": 11.0,
    "twelve": 12.0,
    "half": 0.5,
    "half a": 0.5,
    "half an": 0.5,
}
_CHINESE: Final = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}

ENGLISH_NUMBER: Final = (
    r"(?:\d+(?:\.\d+)?|half an?|half|a couple of|couple of|a few|few|an|a|one|two|three|four|five|six|seven"
    r"|eight|nine|ten|eleven|twelve)"
)
CHINESE_NUMBER: Final = r"(?:\d+(?:\.\d+)?|[一二两三四五六七八九十]{1,3}|半|几)"


def number_from_words(words: str) -> float:
    """Return the number that `words` (digits, English or Chinese) says; nothing said is 1."""
    text = " ".join(words.lower().split())
    if not text:
        return 1.0
    if text[0].isdigit():
        return float(text)
    if text in _ENGLISH:
        return _ENGLISH[text]
    return _chinese(text)


def _chinese(text: str) -> float:
    if text == "半":
        return 0.5
    if text == "几":
        return 3.0
    tens, ten, units = text.partition("十")
    if not ten:
        return float(_CHINESE.get(text, 1))
    return float(_CHINESE.get(tens, 1) * 10 + _CHINESE.get(units, 0))
