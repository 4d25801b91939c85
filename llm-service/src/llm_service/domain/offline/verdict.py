"""Whether a question for yes or no was read so far that either may be said."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.field import match_field
from llm_service.domain.offline.query import StructuredQuery

# "Is it more or less than": one side is judged, which tells the other.
_OTHER_SIDES: Final = frozenset(
    f"or {word}"
    for word in ("less", "lower", "shorter", "colder", "cooler", "fewer", "smaller", "more", "higher", "not")
)


# Words that were not understood and leave yes and no as they are: how sure or how annoyed one is, how it came about.
_IDLE: Final = frozenset(
    {
        *("really", "actually", "truly", "honestly", "seriously", "basically", "simply", "somehow", "anyway", "anyhow"),
        *("again", "please", "maybe", "perhaps", "possibly", "indeed", "obviously", "apparently", "supposedly", "well"),
        *("ok", "okay", "hey", "hi", "hello", "thanks", "thx", "pls", "plz", "btw", "lol", "hmm", "oh", "ah", "eh"),
        *("guys", "team", "folks", "mate", "boss", "dude", "sir", "buddy", "damn", "bloody", "hell", "freaking"),
        *("quick", "quickly", "question", "wondering", "curious", "asking", "think", "guess", "believe", "suspect"),
        *("come", "comes", "came", "happen", "happened", "manage", "managed", "sure", "certain", "true", "just"),
        *("is", "it", "that", "the", "a", "and", "we", "i", "you", "me", "us", "so", "my", "our"),
    }
)
_IDLE_CHINESE: Final = (
    *(
        "真的",
        "真",
        "确实",
        "的确",
        "究竟",
        "到底",
        "其实",
        "好像",
        "似乎",
        "大概",
        "估计",
        "感觉",
        "觉得",
        "怎么",
        "难道",
    ),
    *(
        "师傅",
        "老板",
        "麻烦",
        "谢谢",
        "请问",
        "问一下",
        "问下",
        "想问",
        "确认",
        "居然",
        "竟然",
        "又",
        "啊",
        "呀",
        "哦",
        "嘛",
    ),
    *("有点", "据说", "听说", "是不是", "对不对", "一下", "了", "的", "呢", "吗", "么", "吧"),
)


def changes_nothing(unread: Iterable[str]) -> bool:
    """Return whether the phrases that were not understood leave yes and no as they are."""
    return all(_is_idle(phrase) for phrase in unread)


def _is_idle(phrase: str) -> bool:
    rest = phrase.lower()
    for word in _IDLE_CHINESE:
        rest = rest.replace(word, "")
    return all(word in _IDLE for word in rest.split())


def beside_fields(query: StructuredQuery) -> list[str]:
    """Return the fields asked about that no condition is on."""
    conditioned = [condition.field for condition in query.conditions]
    return [phrase for phrase in query.fields if not match_field(phrase, conditioned)]


def may_say_yes(query: StructuredQuery) -> bool:
    """Return whether all that is said of a machine was read: of a part of it neither yes nor no is true.

    "Does gas keep flowing while the arc is off" is not answered by how often the arc is off.
    """
    return changes_nothing(query.unread) and not beside_fields(query)


def with_sides(query: StructuredQuery) -> StructuredQuery:
    """Return `query` without the other side of a comparison among what was not read."""
    if not query.beyond:
        return query
    return replace(query, unread=tuple(each for each in query.unread if each.lower() not in _OTHER_SIDES))
