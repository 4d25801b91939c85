"""Short words that only their neighbours give a sense: "机" behind "台", "降" behind a field, "最快" of wire."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.sentence import Sentence

_MACHINE: Final = "机"
_POINTING: Final = frozenset({"这", "那", "该", "各", "每", "哪"})
_COURSES: Final = {"降": "下降", "跌": "下跌", "升": "上升", "涨": "上涨"}
# Behind a course these name where it went: "降到 40 度".
_ASKING: Final = frozenset({"有没有", "是不是", "是否", "在", "还在", "没"})
_REACHED: Final = frozenset({"到", "至", "过", "破", "到过", "幅", "回"})
_FASTEST: Final = {
    **dict.fromkeys(("最快", "fastest", "the fastest"), Statistic.MAX),
    **dict.fromkeys(("最慢", "slowest", "the slowest"), Statistic.MIN),
}
_FED: Final = "wire_feed"


def read_short_words(sentence: Sentence) -> None:
    """Give each of these words the sense that its neighbours leave it."""
    fields = {lexeme.senses.get(Kind.FIELD) for lexeme in sentence.lexemes}
    courses = any(lexeme.senses.get(Kind.INTENT) is Intent.TREND for lexeme in sentence.lexemes)
    for at, lexeme in enumerate(sentence.lexemes):
        if lexeme.text == _MACHINE and not lexeme.senses and _counts_machines(sentence, at - 1):
            sentence.lexemes[at] = replace(lexeme, senses={Kind.DEVICE_WORD: False})
        elif lexeme.text in _COURSES and _is_course(sentence, at):
            sentence.lexemes[at] = replace(lexeme, text=_COURSES[lexeme.text], senses={Kind.INTENT: Intent.TREND})
        elif lexeme.text in _FASTEST and _FED in fields and not courses:
            sentence.lexemes[at] = replace(lexeme, senses={Kind.STATISTIC: _FASTEST[lexeme.text]})


def _counts_machines(sentence: Sentence, before: int) -> bool:
    """Whether what stands in front counts machines or points to one."""
    text = sentence.text(before)
    return text.endswith("台") or text in _POINTING or sentence.has(before, Kind.ALL)


def _is_course(sentence: Sentence, at: int) -> bool:
    """Whether the word says which way a field went, and no value that it came to."""
    measured = any(Kind.FIELD in sentence.lexeme_senses(place) for place in range(at))
    # "升" is a litre, too.
    behind = Kind.FIELD in sentence.lexeme_senses(at - 1) or sentence.text(at - 1) in _ASKING
    plain = not sentence.senses(at) or (behind and set(sentence.senses(at)) == {Kind.UNIT})
    return measured and plain and sentence.text(at + 1) not in _REACHED
