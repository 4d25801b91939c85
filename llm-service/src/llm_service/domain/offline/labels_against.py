"""Which of two labels there was more of: "more porosity or undercut yesterday?", "气孔和咬边哪个多"."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Operator, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import LABEL_FIELD

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading

_LESS: Final = frozenset(
    {"less", "fewer", "rarer", "least", "fewest", "更少", "少", "较少", "最少", "少一些", "比较少"}
)
_MORE: Final = frozenset(
    {
        *("more", "most", "commoner", "commonest", "frequent", "common", "often", "more often", "more frequently"),
        *("most common", "most frequent", "the most", "prevalent", "dominant", "dominated"),
        *("更多", "多", "较多", "最多", "多一些", "比较多", "常见", "更常见", "最常见", "占多数", "多见"),
    }
)
_CHOOSING: Final = frozenset({"than", "比", "比起", "还是", "or more", "or fewer", "or less"})
_MACHINES: Final = frozenset({"哪台", "哪一台", "哪几台"})
# What is left of phrases that were not understood where the labels and what is asked of them are.
_PASSED: Final = frozenset(
    {
        *("more", "most", "less", "fewer", "fewest", "least", "frequent", "common", "often", "prevalent", "than"),
        *(
            "or",
            "and",
            "of",
            "the",
            "which",
            "was",
            "there",
            "as",
            "was more",
            "vs",
            "more often",
            "frequently",
            "type",
            "kind",
        ),
    }
)
_PASSED_CHINESE: Final = frozenset("种更多少较还是比哪个常见些类谁和与的")
_COUNTING: Final = frozenset({Statistic.COUNT, Statistic.EVENTS, Statistic.MAX, Statistic.MIN})


def with_labels_against(query: StructuredQuery, sentence: Sentence, reading: "Reading") -> StructuredQuery:
    """Return `query` as one for the numbers of each of its labels, and which is the most, where that is asked for."""
    labels = _labels(sentence)
    texts = {lexeme.text for lexeme in sentence.lexemes}
    less = not texts.isdisjoint(_LESS)
    compared = less or not texts.isdisjoint(_MORE)
    if len(labels) < 2 or not compared or not _chooses(sentence, texts) or not _is_plain(query, sentence):
        return query
    ranges = reading.times.ranges
    return replace(
        query,
        intent=Intent.STATISTICS,
        conditions=tuple(Condition(field=LABEL_FIELD, operator=Operator.EQ, value=each) for each in labels),
        any_condition=True,
        statistics=(Statistic.EVENTS,),
        fields=(),
        rank=False,
        all_devices=query.all_devices and reading.devices.everyone,
        whether=False,
        always=False,
        of_them=False,
        beyond="",
        periods=query.periods if len(ranges) > 1 else (),
        counted_as=(),
        notes=tuple(note for note in query.notes if note.remark is not Remark.READINGS),
        unread=tuple(each for each in query.unread if not _passes(each, sentence)),
        prevalent="least" if less else "most",
    )


def _labels(sentence: Sentence) -> list[str]:
    """The labels that are named, each once."""
    named = (lexeme.senses.get(Kind.LABEL) for lexeme in sentence.lexemes)
    return list(dict.fromkeys(str(label) for label in named if label))


def _chooses(sentence: Sentence, texts: set[str]) -> bool:
    """Whether one of the labels is chosen, and no machine."""
    which = [at for at in range(len(sentence)) if Kind.WHICH in sentence.lexeme_senses(at)]
    machines = any(Kind.DEVICE_WORD in sentence.lexeme_senses(at + 1) for at in which)
    machines = machines or not texts.isdisjoint(_MACHINES)
    between = any(Kind.OR in lexeme.senses for lexeme in sentence.lexemes) or not texts.isdisjoint(_CHOOSING)
    than = any(text.endswith(" than") for text in texts)
    return not machines and (bool(which) or between or than)


def _is_plain(query: StructuredQuery, sentence: Sentence) -> bool:
    """Whether nothing else is asked for."""
    counted = any(Kind.HOW_MANY in lexeme.senses or Kind.SHARE in lexeme.senses for lexeme in sentence.lexemes)
    # "多多少" asks by how many.
    counted = counted or any("多少" in lexeme.text or lexeme.text.endswith("几") for lexeme in sentence.lexemes)
    numbers = query.percentiles or query.interval or query.limit or query.unit or query.judged or query.least
    other = query.when or query.since or query.refused or query.negation or query.holds or query.by_group
    fields = {each.field for each in query.conditions} | set(query.fields)
    equal = all(each.operator is Operator.EQ for each in query.conditions)
    kinds = {Intent.STATISTICS, Intent.COMPARE}
    asked = set(query.statistics) <= _COUNTING and query.intent in kinds
    several = len(query.devices) > 1 and not counted and any(Kind.WHICH in each.senses for each in sentence.lexemes)
    return not (counted or numbers or other or several) and fields == {LABEL_FIELD} and equal and asked


def _passes(phrase: str, sentence: Sentence) -> bool:
    """Whether a phrase that was not understood says nothing more than which label is compared."""
    for lexeme in sentence.lexemes:
        phrase = phrase.replace(lexeme.raw, " ") if Kind.LABEL in lexeme.senses else phrase
    words = phrase.lower().split()
    return all(word in _PASSED or set(word) <= _PASSED_CHINESE for word in words)
