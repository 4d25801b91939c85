"""Overall equipment effectiveness: readings tell a part of it, the share of the time that a machine works."""

from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Condition, Intent, Note, Remark, Statistic, StructuredQuery
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.words_state import RUNNING

_OEE: Final = frozenset({"oee", "oees"})
_SPELLED: Final = (
    "overall equipment effectiveness",
    "overall equipment efficiency",
    "设备综合效率",
    "综合设备效率",
    "设备综合利用率",
)
_WORKING: Final = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)


def with_oee(query: StructuredQuery, sentence: Sentence) -> StructuredQuery:
    """Return `query` as one for the share of the time that machines worked, where it asks for their effectiveness."""
    texts = [lexeme.text for lexeme in sentence.lexemes]
    joined = " ".join(texts)
    spelled = next((each for each in _SPELLED if each in joined or each in joined.replace(" ", "")), "")
    said = next((lexeme.raw for lexeme in sentence.lexemes if lexeme.text in _OEE), "") or spelled
    if not said or query.refused:
        return query
    words = {*said.lower().split(), said.lower()}
    named = query.devices or query.references or query.except_devices
    unread = tuple(each for each in query.unread if each.lower() not in words and each.lower() not in said.lower())
    return replace(
        query,
        intent=Intent.STATISTICS,
        fields=(),
        conditions=(_WORKING,),
        statistics=(Statistic.SHARE,),
        all_devices=query.all_devices or not named,
        confidence=1.0,
        whether=False,
        always=False,
        rank=False,
        unread=unread,
        notes=(
            *(note for note in query.notes if note.remark is not Remark.OVERVIEW),
            Note(remark=Remark.OEE, words=(said,)),
        ),
    )
