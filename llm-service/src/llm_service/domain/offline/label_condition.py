"""Conditions that words for a quality are: "good", "porosity", "not undercut"."""

from llm_service.domain.offline.condition import CLOSING, MOST, linked_by_or, negation_at
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Operator
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_data import GOOD, LABEL_FIELD


def find_labels(sentence: Sentence, *, alternatives: bool = False) -> tuple[tuple[Condition, ...], bool]:
    """Return the conditions that words such as "good" and "porosity" are, and whether one of them is enough.

    Their words are marked. "Porosity or undercut" are `alternatives` where there may be any. "Bad welds (porosity)" is
    one condition: the word in brackets says which bad ones.
    """
    named: dict[tuple[Operator, str], None] = {}
    for at in sentence.find(Kind.QUALITY_RATE):
        # The word asks for a share, too, and is read once more for it.
        label = str(sentence.senses(at)[Kind.QUALITY_RATE])
        return (
            Condition(field=LABEL_FIELD, operator=Operator.EQ if label else Operator.NE, value=label or GOOD),
        ), False
    chosen, last, turned, either = "", -MOST, False, False
    for at in sentence.find(Kind.LABEL):
        label = str(sentence.senses(at)[Kind.LABEL])
        negation = negation_at(sentence, at)
        carried = turned and all(_joins(sentence, place) for place in range(last + 1, at))
        negated = negation is not None or carried
        how = Operator.NE if negated != (not label) else Operator.EQ
        if how is Operator.EQ and chosen not in {"", label or GOOD}:
            link = linked_by_or(sentence, last, at)
            if not alternatives or link is None or any(operator is not Operator.EQ for operator, _ in named):
                # No reading has two labels: the second one stays unread, and the answer names it.
                continue
            sentence.use(link, link + 1)
            either = True
        chosen = (label or GOOD) if how is Operator.EQ else chosen
        named.setdefault((how, label or GOOD))
        sentence.use(at if negation is None else negation, at + 1)
        if negation is not None:
            sentence.use(at, at + 1 + (sentence.text(at + 1) in CLOSING))
        last, turned = at, negated
    specific = [pair for pair in named if pair != (Operator.NE, GOOD)] or [*named]
    return tuple(Condition(field=LABEL_FIELD, operator=how, value=label) for how, label in specific), either


def _joins(sentence: Sentence, at: int) -> bool:
    """Whether the word only links two labels; in "excluding porosity and undercut" both are excluded."""
    if at in sentence.used:
        return False
    return any(sentence.has(at, kind) for kind in (Kind.AND, Kind.OR)) and sentence.text(at) not in {"but"}
