"""Wishes to be told: "tell me when WLD001's current goes above 250", "WLD001的电流超过250时提醒我".

Whether it is one is decided by words beside each other, in one walk over the tokens; devices, fields and comparisons
are what the other rules have read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from llm_service.domain.offline.query import Operator, StructuredQuery
from llm_service.domain.offline.token import Token, TokenKind, tokenize

_DIRECT: Final = (
    "alert me", "alert us", "notify me", "notify us", "warn me", "warn us", "inform me when", "inform me if",
    "let me know when", "let me know if", "let me know once", "let me know whenever", "let me know as soon as",
    "alarm me", "alarm when", "alarm if", "alert when", "alert if", "send me an alert", "send me a message when",
)  # fmt: skip
_TELL: Final = (
    "tell me when",
    "tell me if",
    "tell me once",
    "tell me whenever",
    "tell me as soon as",
    "tell me the moment",
)
_SURE: Final = frozenset({"once", "whenever", "soon", "moment"})
_MAKE: Final = frozenset(
    {"set", "create", "make", "add", "prepare", "raise", "configure", "define", "want", "need", "up"}
)
_THING: Final = frozenset({"alarm", "alert", "alarms", "alerts", "notification", "warning"})
# Words between the verb and its alarm: "set me up a new alarm".
_REACH: Final = 4
_COMING: Final = frozenset({
    "goes", "gets", "rises", "climbs", "exceeds", "falls", "drops", "sinks", "reaches", "passes", "crosses", "leaves",
    "stops", "sends", "becomes", "runs", "moves", "exceed", "rise", "fall", "drop", "reach", "pass", "cross", "leave",
    "stop", "go", "get",
})  # fmt: skip
# Of these a question about the past has one.
_PAST: Final = frozenset({
    "was", "were", "did", "had", "went", "exceeded", "rose", "fell", "dropped", "sank", "reached", "passed", "crossed",
    "left", "stopped", "became", "last", "ever", "yesterday", "ago", "previously", "been",
})  # fmt: skip
_CHINESE_TELL: Final = (
    "告诉我",
    "通知我",
    "提醒我",
    "警告我",
    "告知我",
    "报警",
    "告警",
    "警报",
    "预警",
    "发消息",
    "提醒一下",
    "通知一下",
)
_CHINESE_WHEN: Final = ("时", "如果", "当", "一旦", "若", "要是", "的话")
# Words with characters of these, which say nothing of the kind.
_CHINESE_OTHER: Final = ("小时", "当前", "当天", "当时", "当日", "同时", "及时", "实时", "时间", "时刻", "若干")
_CHINESE_MAKE: Final = ("设置", "设定", "创建", "新建", "添加", "设个", "设一个", "加个", "加一个", "建一个")
_CHINESE_ASKS: Final = (
    "什么时候", "何时", "几点", "多少", "吗", "哪些", "哪个", "有没有", "是否", "昨天", "上次",
    "最近一次", "曾经", "过几次",
)  # fmt: skip
_SILENT: Final = (
    "no data", "no new data", "no readings", "no reading", "stops sending", "stops reporting", "silent", "offline",
    "stop sending", "stop reporting",
)  # fmt: skip
_CHINESE_SILENT: Final = (
    "没有数据",
    "没数据",
    "无数据",
    "没有新数据",
    "断线",
    "离线",
    "掉线",
    "停止上报",
    "不上报",
    "数据中断",
)
_STRANGE: Final = ("unusual", "abnormal", "strange", "odd", "anomaly", "anomalous", "anomalies", "unlike itself")
_CHINESE_STRANGE: Final = ("异常", "不正常", "反常")
_OUTSIDE: Final = ("outside", "out of", "leaves", "leave", "not between")
_CHINESE_OUTSIDE: Final = ("超出", "不在", "偏离", "离开")
_SECONDS: Final = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1, "秒": 1, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "分": 60, "h": 3600, "hour": 3600, "hours": 3600, "小": 3600, "day": 86_400, "days": 86_400, "天": 86_400,
}  # fmt: skip
_LONGEST: Final = 604_800.0
_NEAR: Final = 8
_SIDES: Final = {"above": "above", "over": "above", "below": "below", "under": "below"}
_WATCH: Final = {Operator.GT: "above", Operator.GE: "above", Operator.LT: "below", Operator.LE: "below"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRequest:
    """What somebody wants to be told of: `watch` as the tool names it, empty when it was not said.

    `field` is as written, `limit` for above and below, `band` for outside; `seconds` it must hold, or be silent.
    """

    watch: str
    field: str = ""
    limit: float | None = None
    band: tuple[float, float] | None = None
    seconds: float = 0.0


def read_alarms(text: str, query: StructuredQuery) -> tuple[AlarmRequest, ...]:
    """Return what `text`, which was read as `query`, wishes to be told of; nothing when it is no such wish."""
    tokens = tokenize(text)
    words = _joined(tokens)
    if not _wishes(tokens, words, query):
        return ()
    seconds = _duration(tokens)
    compared = _comparisons(tokens, query, seconds)
    field = next(iter((*query.fields, *(each.field for each in query.conditions if each.field))), "")
    if _has(words, _OUTSIDE, _CHINESE_OUTSIDE) and (band := _band(tokens)):
        return (AlarmRequest(watch="outside", field=field, band=band, seconds=seconds),)
    if compared:
        return compared
    if _has(words, _SILENT, _CHINESE_SILENT):
        return (AlarmRequest(watch="no_data", seconds=seconds),)
    if _has(words, _STRANGE, _CHINESE_STRANGE):
        return (AlarmRequest(watch="anomaly", field=field, seconds=seconds),)
    return (AlarmRequest(watch="", field=field, seconds=seconds),)


def _joined(tokens: Sequence[Token]) -> str:
    """The words with one blank between them, Chinese characters without, for a search for words beside each other."""
    parts = (token.text if token.kind is TokenKind.HAN else f" {token.text} " for token in tokens)
    return f" {' '.join(''.join(parts).split())} "


def _has(words: str, english: Iterable[str], chinese: Iterable[str]) -> bool:
    return any(f" {each} " in words for each in english) or any(each in words for each in chinese)


def _wishes(tokens: Sequence[Token], words: str, query: StructuredQuery) -> bool:
    return _wishes_in_chinese(words, query) or _wishes_in_english(tokens, words)


def _wishes_in_chinese(words: str, query: StructuredQuery) -> bool:
    if not any(each in words for each in _CHINESE_TELL) or any(each in words for each in _CHINESE_ASKS):
        return False
    if any(each in words for each in _CHINESE_MAKE):
        return True
    for each in _CHINESE_OTHER:
        words = words.replace(each, "")
    event = bool(query.conditions) or any(
        each in words for each in (*_CHINESE_SILENT, *_CHINESE_STRANGE, *_CHINESE_OUTSIDE)
    )
    return event and any(each in words for each in _CHINESE_WHEN)


def _wishes_in_english(tokens: Sequence[Token], words: str) -> bool:
    said = {token.text for token in tokens}
    if said & _PAST:
        return False
    if _has(words, _DIRECT, ()) or _makes(tokens):
        return True
    return _has(words, _TELL, ()) and bool(said & _COMING or said & _SURE)


def _comparisons(tokens: Sequence[Token], query: StructuredQuery, seconds: float) -> tuple[AlarmRequest, ...]:
    """What is above or below a limit, as the conditions say, else as a word before a number says."""
    field = next(iter((*query.fields, *(each.field for each in query.conditions if each.field))), "")
    found = [
        AlarmRequest(watch=_WATCH[each.operator], field=each.field or field, limit=each.value, seconds=seconds)
        for each in query.conditions
        if each.operator in _WATCH and not isinstance(each.value, str)
    ]
    if found:
        return tuple(found)
    for word, after in pairwise(tokens):
        number = _number(after.text) if after.kind is TokenKind.NUMBER else None
        if word.text in _SIDES and number is not None:
            return (AlarmRequest(watch=_SIDES[word.text], field=field, limit=number, seconds=seconds),)
    return ()


def _makes(tokens: Sequence[Token]) -> bool:
    """Whether an alarm is to be made: "set up an alarm"."""
    for at, token in enumerate(tokens):
        if token.text in _MAKE and any(each.text in _THING for each in tokens[at + 1 : at + 1 + _REACH]):
            return True
    return False


def _duration(tokens: Sequence[Token]) -> float:
    """The first length of time, in seconds, 0 without one."""
    for token, unit in pairwise(tokens):
        if token.kind is TokenKind.NUMBER and unit.text in _SECONDS and (number := _number(token.text)) is not None:
            return min(number * _SECONDS[unit.text], _LONGEST)
    return 0.0


def _band(tokens: Sequence[Token]) -> tuple[float, float] | None:
    """The first two numbers behind the word for outside, the lower one first."""
    words = [token.text for token in tokens]
    starts = [at for at in range(len(words)) if _begins(words, at)]
    if not starts:
        return None
    found: list[float] = []
    for at in range(starts[0], min(len(tokens), starts[0] + 2 * _NEAR)):
        number = _number(words[at]) if tokens[at].kind is TokenKind.NUMBER else None
        if number is not None:
            found.append(-number if _is_negative(tokens, at) else number)
    return (min(found[:2]), max(found[:2])) if len(found) > 1 and found[0] != found[1] else None


def _begins(words: Sequence[str], at: int) -> bool:
    here = " ".join(words[at : at + 2])
    return (
        here.split(" ")[0] in {"outside", "leaves", "leave"}
        or here in _OUTSIDE
        or "".join(words[at : at + 2]) in _CHINESE_OUTSIDE
    )


def _is_negative(tokens: Sequence[Token], at: int) -> bool:
    """Whether the number has a minus, and not one that means "to": "-5", "100 to -5", but "100-200" and "100 - 200"."""
    minus = at > 0 and tokens[at - 1].text in {"-", "−", "负"}
    return minus and (at < 2 or tokens[at - 2].kind is not TokenKind.NUMBER)


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None
