"""What is said besides questions about devices: a greeting, thanks, a farewell, who answers, what time it is."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

from llm_service.domain.offline.query import Intent, StructuredQuery
from llm_service.domain.offline.token import tokenize


class SmallTalk(StrEnum):
    """What a message is that asks nothing of devices; OTHER is anything that no rule knows."""

    GREETING = "greeting"
    THANKS = "thanks"
    FAREWELL = "farewell"
    HELP = "help"
    CLOCK = "clock"
    NICETY = "nicety"
    OTHER = "other"


# The longest message, in tokens, that is taken for thanks or a farewell by one word of it.
_SHORT: Final = 16
_MARKS: Final = frozenset({"?", "？", "!", "！", ".", "。", ",", "，", "~", "～"})
_WORDS: Final = {
    SmallTalk.HELP: "who are you|who am i talking to|who am i chatting with|who is this|who ' s this|who do i talk to"
    "|what are you|what is your name|what can you|what do you do|what can i ask|what could i ask|"
    "how do you work|how does this work|what questions|help|help me|what do you know|what else can you"
    "|are you a robot|are you human|are you a human|is this a human|are you a bot|is this a bot"
    "|你是机器人吗|你是真人吗|你是人吗"
    "|你是谁|你是哪位|你叫什么|我在和谁说话|我在跟谁说话|我在和谁聊天|你是什么|你能做什么|你会做什么|你能干什么|你会"
    "什么|你可以做什么|我能问什么|可以问什么|怎么用|怎么使用|帮助|使用说明|能回答什么|你能告诉我什么|你能帮我做什么"
    "|你能帮我什么|你会干什么|你能回答什么",
    SmallTalk.THANKS: "thanks|thank you|thank|thx|cheers|much appreciated|谢谢|多谢|感谢|谢啦|谢了|辛苦了|辛苦",
    SmallTalk.FAREWELL: "bye|goodbye|good bye|see you|see ya|good night|that's all|that ' s all|that is all"
    "|that will be all|再见|拜拜|回头见|晚安|下班了|先这样",
    SmallTalk.GREETING: "are you there|anyone there|anybody there|hello|hi|hey"
    "|good morning|good afternoon|good evening|morning|你好|您好|早上好|下午好"
    "|晚上好|在吗|在么|在不在|有人吗|早|嗨|哈喽",
}
# What answers, approves or is said in passing, and asks for nothing of a machine.
_NICETIES: Final = (
    "ok|okay|k|great|good|fine|nice|cool|perfect|awesome|excellent|super|alright|all right|all good|i see|got it"
    "|understood"
    "|good job|well done|nice work|good work|lol|haha|never mind|nevermind|nice to meet you|pleased to meet you"
    "|interesting|sounds good|that's great|that's good|that is great|that is good|that helps|that was helpful|yes|yep"
    "|yeah|no|nope|sure|sorry|my bad|no problem|no worries|test|testing|you're great|you are great|wow"
    "|好的|好|好吧|好滴|行|可以|嗯|嗯嗯|哦|知道了|明白|明白了|收到|了解|了解了|不错|很好|太好了|厉害|真厉害|棒|太棒了"
    "|赞|哈哈|没事"
    "|没事了|算了|不用了|没关系|对不起|抱歉|不好意思|测试|对|是的|没问题|干得好|做得好"
)
# These are asked, and answered in the same way.
_ASKED: Final = (
    "how are you|how are you doing|how do you do|how's it going|how is it going|how are things|what's up|what is up"
    "|are you ok|are you okay|how is your day|how was your day|how do you feel"
    "|吃了吗|吃了没|你好吗|你怎么样|最近好吗|过得怎么样|今天过得怎么样|你还好吗|忙吗|忙不忙"
)
# Beside these it stays what it is.
_BESIDE: Final = (
    "everyone|everybody|team|all|there|today|folks|guys|mate|buddy|friend|penstock|machine|assistant|and|very|so|then"
    "|well"
    "|really|much|a lot|again|for now|job|now|that's all for now|that's all|please|my|dear|to you|you|for your help"
    "|for the help|大家|各位|师傅|老师|啊|呀|哈|啦|了|你|您|很|都|助手|非常|的|啦"
)
_CLOCK: Final = (
    "what time is it|what ' s the time|what is the time|whats the time|the current time|current time|what ' s the date"
    "|what is the date|whats the date|what date is it|today ' s date|what day is it|what day is today|the time now"
    "|现在几点|几点了|现在是几点|现在什么时间|现在的时间|当前时间|今天几号|今天是几号|今天几月几号|今天是几月几号|今"
    "天星期几"
    "|今天是星期几|今天周几"
)


def _phrases(names: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(token.text for token in tokenize(name)) for name in names.split("|"))


_TALK: Final = {kind: _phrases(names) for kind, names in _WORDS.items()}
_CLOCKS: Final = _phrases(_CLOCK)
# Of several in one message the first of these is answered.
_WEIGHT: Final = (SmallTalk.HELP, SmallTalk.THANKS, SmallTalk.FAREWELL, SmallTalk.NICETY, SmallTalk.GREETING)
# "No, today" puts a question right.
_DENIALS: Final = frozenset({"no", "nope", "sorry"})
_PUT_RIGHT: Final = frozenset({"today", "all", "now"})
# The longest message, in tokens, that is read as nothing but polite.
_SHORT_NICETY: Final = 12


def small_talk(text: str, query: StructuredQuery) -> SmallTalk | None:
    """Return what `text` is when it asks nothing of devices; None for a question about them."""
    words = tuple(token.text.replace("’", "'") for token in tokenize(text))[: 4 * _SHORT]
    if (polite := courtesy(text)) is not None:
        return polite
    if _says(words, _CLOCKS) and not _asks_of_devices(query):
        return SmallTalk.CLOCK
    if query.intent is not Intent.CHAT:
        return None
    said = [kind for kind, phrases in _TALK.items() if _says(words, phrases)]
    if not said or len(words) > _SHORT:
        return SmallTalk.OTHER
    if any(tuple(word for word in words if word not in _MARKS) == phrase for phrase in _TALK[said[0]]):
        # "在吗？" asks for nothing else.
        return said[0]
    # "Hello, who won the match?" greets and asks for something else.
    asks = words[-1] in {"?", "？"} or len(words) > _SHORT // 2
    return SmallTalk.OTHER if said[0] is SmallTalk.GREETING and asks else said[0]


def courtesy(text: str) -> SmallTalk | None:
    """Return what `text` is where all of it is a greeting, thanks, a farewell, or said in passing; else None.

    "Ok, great!" asks for nothing of the machine before, though "good" is the name of a label: with a question mark it
    may ("good?").
    """
    tokens = tokenize(text[: 8 * _SHORT_NICETY])
    words = tuple(token.text.replace("’", "'") for token in tokens)
    asked = bool(words) and words[-1] in {"?", "？"}
    if words[:1] and words[0] in _DENIALS and not _PUT_RIGHT.isdisjoint(words):
        return None
    kinds, at = set[SmallTalk | None](), 0
    while at < len(words):
        end, kind = _longest(words, at, asked=asked)
        if end == at:
            return None
        kinds.add(kind)
        at = end
    said = [kind for kind in _WEIGHT if kind in kinds]
    return said[0] if said and len(words) <= _SHORT_NICETY else None


def _longest(words: tuple[str, ...], at: int, *, asked: bool) -> tuple[int, SmallTalk | None]:
    """The end of the longest polite phrase at `at` with its kind, None for what only stands beside one."""
    if words[at] in _MARKS:
        return at + 1, None
    ends = [end for end in range(len(words), at, -1) if words[at:end] in _polite(asked=asked)]
    return (ends[0], _polite(asked=asked)[words[at : ends[0]]]) if ends else (at, None)


@lru_cache(maxsize=2)
def _polite(*, asked: bool) -> Mapping[tuple[str, ...], SmallTalk | None]:
    """The phrases that are polite, in a question or elsewhere."""
    phrases = dict[tuple[str, ...], SmallTalk | None](dict.fromkeys(_phrases(_BESIDE)))
    phrases |= dict.fromkeys(_phrases(_ASKED if asked else f"{_ASKED}|{_NICETIES}"), SmallTalk.NICETY)
    for kind, each in _TALK.items():
        phrases |= dict.fromkeys(each, kind)
    return phrases


def _says(words: tuple[str, ...], phrases: tuple[tuple[str, ...], ...]) -> bool:
    starts = range(len(words))
    return any(words[at : at + len(phrase)] == phrase for at in starts for phrase in phrases)


def _asks_of_devices(query: StructuredQuery) -> bool:
    """Whether a device, a field or a number of one is named."""
    named = query.devices or query.references or query.fields or query.conditions
    return bool(named or query.percentiles or query.interval or query.rank or query.since or query.follows)
