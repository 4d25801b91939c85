"""The words for numbers, halves, places in an order and quarters of a year, in English and Chinese."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon

_QUARTERS: Final = (
    "q1|first quarter|the first quarter|第一季度|一季度|第1季度",
    "q2|second quarter|the second quarter|第二季度|二季度|第2季度",
    "q3|third quarter|the third quarter|第三季度|三季度|第3季度",
    "q4|fourth quarter|the fourth quarter|第四季度|四季度|第4季度",
)
_NUMBERS: Final = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    "|seventeen|eighteen|nineteen"
)
_TENS: Final = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ORDINALS: Final = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"


def add_number_words(lexicon: Lexicon) -> None:
    """Add the words for numbers to `lexicon`."""
    for value, name in enumerate(_NUMBERS.split("|")):
        lexicon.add(Kind.NUMBER, float(value), (name,))
    for at, name in enumerate(_TENS.split("|"), 2):
        lexicon.add(Kind.NUMBER, 10.0 * at, (name,))
        for unit, other in enumerate(_NUMBERS.split("|")[1:10], 1):
            lexicon.add(Kind.NUMBER, 10.0 * at + unit, (f"{name} {other}", f"{name}-{other}"))
    for value, names in {
        1.0: "a|an|a single",
        2.0: "a couple of|couple of|couple",
        3.0: "a few|few|几",
        0.5: "half|half a|half an|半|半个",
        1.5: "one and a half|a and a half",
        0.25: "a quarter of an|quarter of an|quarter",
        100.0: "hundred|a hundred|one hundred",
        1000.0: "thousand|a thousand|one thousand",
    }.items():
        lexicon.add(Kind.NUMBER, value, names.split("|"))
    for value, names in enumerate(_QUARTERS, 1):
        lexicon.add(Kind.QUARTER, value, names.split("|"))
    lexicon.add(Kind.HALF_OF, None, ("and a half", "½", "个半"))
    for value, name in enumerate("零一二三四五六七八九"):
        lexicon.add(Kind.DIGIT, value, (name,))
    lexicon.add(Kind.DIGIT, 2, ("两",))
    for value, name in {10: "十", 100: "百", 1000: "千"}.items():
        lexicon.add(Kind.DIGIT, value, (name,))
    for value, name in enumerate(_ORDINALS.split("|"), 1):
        lexicon.add(Kind.ORDINAL, value, (name,))
