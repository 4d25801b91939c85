"""What has no number of its own: what happened in a time, whether one was better; told by the parts that are known."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.lasting_stop import LASTING
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Language, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE, RUNNING

_HAPPENED: Final = frozenset(
    {
        *("happen", "happened", "happens", "going on", "went on", "occur", "occurred", "发生", "出事", "出什么事"),
        *("发生过", "出了什么事", "有什么事", "状况"),
    }
)
_SITUATION: Final = frozenset({"情况", "状况"})
_BETTER: Final = frozenset({"better", "worse", "better than", "worse than"})
_BETTER_HAN: Final = frozenset({"好", "好一些", "好些", "更好", "差", "更差", "强", "怎么样", "如何", "怎样"})
_GOODNESS: Final = {
    Language.ENGLISH: "how long the machines ran, their stops and their anomalies",
    Language.CHINESE: "运行时间、停机和异常",
}
_STOPPED: Final = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)
_RAN: Final = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)
_SURE: Final = 0.8


def with_gist(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` with the `gist` that is asked of a time, where it asks for nothing else."""
    asked = query.fields or query.conditions or query.interval or query.percentiles or query.limit or query.judged
    other = query.when or query.since or query.rank or query.negation or query.refused or query.follows
    plain = query.intent in {Intent.CHAT, Intent.STATISTICS, Intent.COMPARE} and not query.statistics
    ranged = query.time is not None and not query.time.instant
    if asked or other or not plain or not ranged:
        return query
    better = len(query.periods) == 2 and _asks_better(sentence)
    happened = len(query.periods) < 2 and _asks_happened(sentence)
    if not better and not happened:
        return query
    kept = tuple(note for note in query.notes if note.remark is not Remark.OVERVIEW)
    words = next((each.raw for each in sentence.lexemes if each.text in _BETTER | _BETTER_HAN), "")
    note = (Note(remark=Remark.READ_AS, words=(words, _GOODNESS[query.language])),) if better else ()
    everyone = query.all_devices or not (query.devices or query.references)
    asked_of = replace(query, intent=Intent.ANOMALY, all_devices=everyone, notes=(*kept, *note), confidence=_SURE)
    return replace(asked_of, gist="better" if better else "happened", unread=(), overview=False, tells_state=False)


def by_gist(query: StructuredQuery) -> tuple[StructuredQuery, ...]:
    """Return a query for each part that is known of the `gist`: how long machines ran, their stops, their anomalies."""
    if not query.gist:
        return (query,)
    whole = replace(query, gist="")
    noted = replace(whole, intent=Intent.STATISTICS, statistics=(Statistic.DURATION,))
    stops = replace(noted, conditions=(_STOPPED,), least=LASTING, lasting=True, notes=_read(query, _STOPPED))
    if query.gist == "happened":
        return (replace(stops, each=True, doing=True), whole)
    ran = replace(noted, conditions=(_RAN,))
    return (ran, replace(stops, statistics=(Statistic.EVENTS,)), replace(whole, notes=()))


def _read(query: StructuredQuery, condition: Condition) -> tuple[Note, ...]:
    word = "停机" if query.language is Language.CHINESE else "stopped"
    text = f"{condition.field} {condition.operator.value} {IDLE.value:g}"
    return (Note(remark=Remark.READ_AS, words=(word, text)),)


def _asks_happened(sentence: Sentence) -> bool:
    texts = [lexeme.text for lexeme in sentence.lexemes]
    if not _HAPPENED.isdisjoint(texts):
        return True
    # "昨晚有什么情况吗".
    return any(text in _SITUATION and "什么" in before for before, text in pairwise(texts))


def _asks_better(sentence: Sentence) -> bool:
    texts = {lexeme.text for lexeme in sentence.lexemes}
    compared = bool({"比", "than", "相比"} & texts) or any(text.endswith(" than") for text in texts)
    graded = bool(_BETTER & texts) or any(
        Kind.BEST in lexeme.senses and lexeme.text.isascii() for lexeme in sentence.lexemes
    )
    return compared and (graded or ("比" in texts and bool(_BETTER_HAN & texts)))
