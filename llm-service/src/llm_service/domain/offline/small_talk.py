"""What is said besides questions about devices: a greeting, thanks, a farewell, who answers, what time it is."""

from enum import StrEnum
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
    "|你是谁|你是哪位|你叫什么|我在和谁说话|我在跟谁说话|我在和谁聊天|你是什么|你能做什么|你会做什么|你能干什么|你会什么|你可以做什么|我能问什么|可以问什么|怎么用|怎么使用|帮助|使用说明|能回答什么",
    SmallTalk.THANKS: "thanks|thank you|thank|thx|cheers|much appreciated|谢谢|多谢|感谢|谢啦|谢了|辛苦了|辛苦",
    SmallTalk.FAREWELL: "bye|goodbye|good bye|see you|see ya|good night|that's all|that ' s all|that is all"
    "|that will be all|再见|拜拜|回头见|晚安|下班了|先这样",
    SmallTalk.GREETING: "are you there|anyone there|anybody there|hello|hi|hey"
    "|good morning|good afternoon|good evening|morning|你好|您好|早上好|下午好"
    "|晚上好|在吗|在么|在不在|有人吗|早|嗨|哈喽",
}
_CLOCK: Final = (
    "what time is it|what ' s the time|what is the time|whats the time|the current time|current time|what ' s the date"
    "|what is the date|whats the date|what date is it|today ' s date|what day is it|what day is today|the time now"
    "|现在几点|几点了|现在是几点|现在什么时间|现在的时间|当前时间|今天几号|今天是几号|今天几月几号|今天是几月几号|今天星期几"
    "|今天是星期几|今天周几"
)


def _phrases(names: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(token.text for token in tokenize(name)) for name in names.split("|"))


_TALK: Final = {kind: _phrases(names) for kind, names in _WORDS.items()}
_CLOCKS: Final = _phrases(_CLOCK)


def small_talk(text: str, query: StructuredQuery) -> SmallTalk | None:
    """Return what `text` is when it asks nothing of devices; None for a question about them."""
    words = tuple(token.text.replace("’", "'") for token in tokenize(text))[: 4 * _SHORT]
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


def _says(words: tuple[str, ...], phrases: tuple[tuple[str, ...], ...]) -> bool:
    starts = range(len(words))
    return any(words[at : at + len(phrase)] == phrase for at in starts for phrase in phrases)


def _asks_of_devices(query: StructuredQuery) -> bool:
    """Whether a device, a field or a number of one is named."""
    named = query.devices or query.references or query.fields or query.conditions
    return bool(named or query.percentiles or query.interval or query.rank or query.since or query.follows)
