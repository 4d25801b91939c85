"""When machines started: the ends of their longer stops, for each weld begins with a start of its own."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from llm_service.domain.offline.query import Condition, Note, Remark, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import IDLE, RUNNING

_STARTS: Final = frozenset(
    {
        *(
            "start",
            "started",
            "starts",
            "start up",
            "started up",
            "start running",
            "start working",
            "started working",
        ),
        *(
            "come on",
            "came on",
            "开机",
            "开工",
            "启动",
            "开动",
            "上线",
            "开始",
        ),
        *("开始工作", "开始干活", "开始运行", "干活"),
    }
)
# "When did it start and stop" asks for both ends of what it did.
_ENDS: Final = ("stop", "finish", "end", "停", "结束", "收工", "下班")
_LONG: Final = timedelta(minutes=10)


def with_starts(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the stops of a range that last, where it is asked when machines started in it."""
    said = next((at for at in range(len(sentence)) if sentence.text(at) in _STARTS), None)
    running = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)
    plain = query.conditions in {(), (running,)} and not (query.fields or query.statistics or query.interval)
    ranged = query.time is not None and not query.time.instant and not query.periods
    other = query.once or query.rank or query.least or query.refused or query.negation or query.since or query.follows
    ends = any(lexeme.text.startswith(_ENDS) for lexeme in sentence.lexemes)
    if said is None or ends or not query.when or not plain or not ranged or other:
        return query
    word = sentence.raw(said)
    idle = Condition(field=IDLE.field, operator=IDLE.operator, value=IDLE.value)
    unread = tuple(each for each in query.unread if each.lower() not in _STARTS)
    notes = tuple(note for note in query.notes if note.remark is not Remark.READ_AS or note.words[-1] != "current >= 5")
    asked = replace(
        query,
        conditions=(idle,),
        least=_LONG,
        over=False,
        each=True,
        unread=unread,
        all_devices=True,
    )
    asked = replace(asked, all_devices=query.all_devices or not (query.devices or query.references))
    return replace(asked, notes=(*notes, Note(remark=Remark.STARTS, words=(word,))))
