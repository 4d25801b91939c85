"""Conditions that words for a quality are: "good", "porosity", "not undercut"."""

from itertools import pairwise
from typing import Final

from llm_service.domain.offline.condition import MOST, carried_exclusion, close_exclusion, linked_by_or
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Operator, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD

_VERSUS: Final = frozenset(
    {
        "vs",
        "versus",
        "vs .",
        "against",
        "compared to",
        "compared with",
        "比",
        "than",
        "more than",
        "less than",
        "fewer than",
    }
)
_TURNED: Final = {Operator.EQ: Operator.NE, Operator.NE: Operator.EQ}
_NEAR: Final = 5
# How far before a label the words that turn it round may begin, and what may stand between.
_REACH: Final = 9
_BETWEEN: Final = (Kind.FILLER, Kind.WHERE, Kind.ROWS)
_TURNING: Final = (Kind.NOT, Kind.EXCEPT, Kind.NO_LABEL)
_DEFECTS: Final = frozenset({"defect", "defects", "缺陷", "不良"})
_ONE: Final = frozenset({"哪个", "哪一个", "哪种", "哪一种", "哪类"})
_WHAT: Final = frozenset({"是什么", "是啥", "什么"})
_NONE: Final = frozenset({"no", "without", "never", "没有", "没", "无", "从未", "从没"})


def find_labels(
    sentence: Sentence, *, alternatives: bool = False, asked: bool = False
) -> tuple[tuple[Condition, ...], bool]:
    """Return the conditions that words such as "good" and "porosity" are, and whether one of them is enough.

    Their words are marked. "Porosity or undercut" are `alternatives` where there may be any. "Bad welds (porosity)" is
    one condition: the word in brackets says which bad ones. Where numbers of several labels are `asked` for, "good,
    porosity and undercut", they are no conditions: the counts of all labels tell them.
    """
    if (places := _enumerated(sentence)) and asked:
        for at in places:
            sentence.use(at, at + 1)
        return (), False
    named: dict[tuple[Operator, str], None] = {}
    for at in sentence.find(Kind.QUALITY_RATE):
        # The word asks for a share, too, and is read once more for it.
        label = str(sentence.senses(at)[Kind.QUALITY_RATE])
        return (
            Condition(field=LABEL_FIELD, operator=Operator.EQ if label else Operator.NE, value=label or GOOD),
        ), False
    chosen, last, turned, either = "", -MOST, False, False
    plain = True
    none = asks_for_none(sentence)
    for at in sentence.find(Kind.LABEL):
        label = str(sentence.senses(at)[Kind.LABEL])
        turning = _negations(sentence, at)
        negation = turning[-1] if turning else None
        carried = turned and all(_joins(sentence, place) for place in range(last + 1, at))
        carried = carried or (not turning and carried_exclusion(sentence, at) is not None)
        negated = (len(turning) % 2 == 1 or (carried and not turning)) and not none
        plain = plain and not turning and not carried
        how = Operator.NE if negated != (not label) else Operator.EQ
        if how is Operator.EQ and chosen not in {"", label or GOOD}:
            link = linked_by_or(sentence, last, at)
            beside = _set_beside(sentence, last, at)
            if beside and link is None:
                # "Good vs porosity": each is answered by itself.
                chosen = label or GOOD
                named.setdefault((how, chosen))
                sentence.use(last + 1, at + 1)
                last, turned = at, negated
                continue
            if not alternatives or link is None or any(operator is not Operator.EQ for operator, _ in named):
                # No reading has two labels: the second one stays unread, and the answer names it.
                continue
            sentence.use(link, link + 1)
            either = True
        chosen = (label or GOOD) if how is Operator.EQ else chosen
        named.setdefault((how, label or GOOD))
        sentence.use(at if negation is None else negation, at + 1)
        if negation is not None or carried:
            close_exclusion(sentence, at + 1)
        last, turned = at, negated
    # "Bad welds (porosity)": the second word says which.
    said = any(operator is Operator.EQ and label != GOOD for operator, label in named)
    specific = [pair for pair in named if not said or pair != (Operator.NE, GOOD)]
    if plain and any((_TURNED.get(how, how), label) in named for how, label in named):
        # "How many good ones and how many bad ones": the counts of all labels tell both.
        return (), True
    return tuple(Condition(field=LABEL_FIELD, operator=how, value=label) for how, label in specific), either


def asks_for_none(sentence: Sentence) -> bool:
    """Return whether those are asked for that had none: "which machines had no porosity", "哪台没有气孔"."""
    which = any(sentence.has(at, Kind.WHICH) and sentence.text(at) != "what" for at in range(len(sentence)))
    places = [place for at in sentence.find(Kind.LABEL) for place in _negations(sentence, at)]
    return which and any(sentence.text(place) in _NONE for place in places)


def asks_for_label(sentence: Sentence) -> bool:
    """Return whether one of the bad labels is asked for: "which defect is the most", "占比最大的缺陷是哪个"."""
    for at, lexeme in enumerate(sentence.lexemes):
        if Kind.WHICH not in lexeme.senses and lexeme.text not in _WHAT:
            continue
        before = at - 1 - (sentence.text(at - 1) == "是")
        if _is_defect(sentence, at + 1) or (sentence.text(at) in _ONE | _WHAT and _is_defect(sentence, before)):
            return True
    return False


def _is_defect(sentence: Sentence, at: int) -> bool:
    """Whether the word is a noun for any bad label, no adjective of what follows."""
    following = sentence.lexeme_senses(at + 1)
    noun = Kind.DEVICE_WORD not in following and Kind.ROWS not in following and sentence.text(at + 1) != "的"
    return sentence.text(at) in _DEFECTS and noun


def _negations(sentence: Sentence, at: int) -> list[int]:
    """The places of the words before a label that turn it round, the nearest first: "not labelled", "excluding"."""
    found: list[int] = []
    for place in range(at - 1, max(at - _REACH, 0) - 1, -1):
        senses = sentence.senses(place)
        turns = any(kind in senses for kind in _TURNING) or senses.get(Kind.OPERATOR) is Operator.NE
        if turns:
            found.append(place)
        elif (
            sentence.text(place) != "-"
            and not any(kind in senses for kind in _BETWEEN)
            and senses.get(Kind.FIELD) != LABEL_FIELD
        ):
            break
    return found


def enumerates(sentence: Sentence) -> bool:
    """Return whether a share or a number of several labels is asked for: "share of good, porosity and undercut"."""
    kinds = (Kind.SHARE, Kind.HOW_MANY, Kind.TIMES, Kind.HOW_OFTEN)
    counted = any(sentence.has(at, kind) for at in range(len(sentence)) for kind in kinds)
    counts = (sentence.senses(at).get(Kind.STATISTIC) is Statistic.COUNT for at in range(len(sentence)))
    return (counted or any(counts)) and len(_enumerated(sentence)) > 1


def _enumerated(sentence: Sentence) -> list[int]:
    """The places of labels that "and" links, none of them excluded."""
    places = [at for at in sentence.find(Kind.LABEL) if sentence.senses(at)[Kind.LABEL]]
    links = [range(first + 1, second) for first, second in pairwise(places)]
    linked = all(link and all(sentence.has(at, Kind.AND) for at in link) for link in links)
    alone = all(not _negations(sentence, at) for at in places)
    return places if len(places) > 1 and linked and alone else []


def _set_beside(sentence: Sentence, first: int, second: int) -> bool:
    """Whether two labels are set side by side: "good vs porosity", "good and bad", "良好的读数比气孔的"."""
    between = range(first + 1, second)
    links = [sentence.has(at, Kind.AND) or sentence.text(at) in _VERSUS for at in between]
    quiet = [any(sentence.has(at, kind) for kind in (Kind.FILLER, Kind.ROWS)) for at in between]
    linked = any(links) and all(link or still for link, still in zip(links, quiet, strict=True))
    return second - first <= _NEAR and (linked or not links)


def _joins(sentence: Sentence, at: int) -> bool:
    """Whether the word only links two labels; in "excluding porosity and undercut" both are excluded."""
    if at in sentence.used:
        return False
    return any(sentence.has(at, kind) for kind in (Kind.AND, Kind.OR)) and sentence.text(at) not in {"but"}
