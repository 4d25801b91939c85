"""The answer before, doubted or asked for in another shape: "are you sure?", "show me that as a table", 用中文说."""

import re
from dataclasses import replace
from typing import Final

from llm_service.domain.offline.query import Intent, Language, Note, Remark, Statistic, StructuredQuery

_LONGEST: Final = 80
_LEADS: Final = re.compile(
    r"^(?:(?:and|so|but|ok|okay|please|hm+|well|now|can you|could you|can i get|can i have|i want|give me|show me"
    r"|let me see|那么?|请|麻烦|能不能|可以|能|帮我)[ ,，]*){1,4}(?=\S)"
)
_SAID: Final = r"(?:(?:it|that|this|them|these|those|the (?:answer|result|results|numbers|figures|data|readings))\b)"
_DOUBT: Final = re.compile(
    r"(?:are you (?:really |quite |absolutely )?(?:sure|certain)(?: (?:about|of) (?:that|it|this))?|you sure|sure"
    r"|really|is (?:that|this|it) (?:really )?(?:right|correct|true|accurate)|is that so|seriously|no way|that's odd"
    r"|that is odd|(?:that|this|it) (?:can't|cannot|can ?not|doesn't|does not|won't) (?:be|seem|look|sound)"
    r"(?: right| true| correct)?"
    r"|(?:that|this|it) (?:seems|looks|sounds|is) (?:wrong|odd|strange|off|incorrect|not right|too high|too low)"
    rf"|(?:double[- ]check|check|verify|recalculate|recompute|recheck)(?: {_SAID})?(?: again| once more| please)*"
    r"|i (?:don't|do not|can't|cannot) believe (?:that|it|this|you)|i doubt (?:that|it)|how sure are you"
    r"|(?:bist du|sind sie) (?:dir |sich )?sicher|wirklich|stimmt das"
    r"|你(?:能|可以)?(?:敢肯定|[确肯]定|确认)(?:吗|么)?|(?:确定|确认|肯定)(?:吗|么|一下)|真的(?:吗|么|假的)?|真的是这样吗|是真的吗|是吗|不会吧"
    r"|不可能(?:吧)?|不对吧|(?:这|那)?(?:个)?(?:数|数字|数据|结果|答案)?(?:是)?(?:对|准|准确|正确|靠谱|没错)(?:吗|么)"
    r"|(?:这|那)?(?:个)?(?:数|数字|结果|答案)?(?:好像|应该|可能)?(?:不对|不准|有问题|太高了|太低了)(?:吧|啊)?"
    r"|(?:再)?(?:核对|检查|核实|算)(?:一下|一遍|一次)|再算一[遍次]|有没有搞错|搞错了吧)"
)
_TABLE: Final = re.compile(
    rf"(?:(?:show|give|list|put|display|write|print|format|make)(?: me)?(?: {_SAID})? ?|{_SAID} )?(?:(?:as|in|into"
    r"|in the form of) )?(?:an? |the )?(table|spreadsheet|tabular form|markdown table)(?: of (?:it|that|this))?"
    r"|(?:用|以|列成?|做成|画成?|整理成|给我|显示成|变成|弄成|转成|出){0,3}(?:一?[个张])?(表格?|列表)(?:的?形式)?"
    r"(?:来|显示|列|出|展示|给我|看|吧|一下|说|表示){0,5}"
)
_CHART: Final = re.compile(
    rf"(?:(?:show|give|draw|plot|display|make|graph|chart|visuali[sz]e)(?: me)?(?: {_SAID})? ?|{_SAID} )?"
    r"(?:(?:as|in|into|on) )?(?:an? |the )?(chart|graph|plot|diagram|picture|curve|(?:line|bar) chart|histogram)"
    r"(?: of (?:it|that|this))?"
    rf"|(draw|plot|graph|chart|visuali[sz]e)(?: me)? {_SAID}"
    r"|(?:用|以|画成?|做成|给我|显示成|生成|出|弄成|转成){1,3}(?:一?[个张幅])?"
    r"(图[表形像]?|曲线图?|折线图|柱状图|趋势图)(?:的?形式)?(?:来|显示|展示|给我|看|吧|一下|表示|出){0,5}"
)
_LANGUAGE: Final = re.compile(
    r"(?:(?:say|tell|answer|repeat|write|translate|explain|give)(?: me)?(?: (?:it|that|this))?(?: again)? )?"
    r"(?:in|into|to) (chinese|english|mandarin)|(?:请)?(?:用|以|翻译成|翻成|译成|换成|说)(中文|英文|英语|汉语|普通话)"
    r"(?:再|来)?(?:说|回答|告诉我|讲|重复|表达|写)?(?:一遍|一下|一次)?"
)
_MONEY: Final = re.compile(
    r"(?:how much|what|how many)?(?: is| was| does| did)?(?: (?:that|it|this))?(?: (?:cost|come to|make|worth))?"
    r"(?: that| it)? ?in (euros?|eur|€|dollars?|usd|\$|pounds?|£|yuan|rmb|money|cash)"
    r"|(?:那|这)?(?:是|要|合|折合|换成|换算成|折算成|值|算成)+(?:多少)?(钱|人民币|元|块钱|欧元|美元)(?:是)?(?:多少)?"
)
_LENGTH: Final = re.compile(
    r"(?:how (?:much|long|many) (?:is|was|are) (?:that|it|this) )?in (hours|minutes|seconds|mins|secs)"
    r"|(?:how many|what is that in) (hours|minutes|seconds)(?: (?:is|was|are) (?:that|it|this))?"
    r"|(?:那|这)?(?:是|合|等于|换成|换算成|折合)?(?:多少|几)?个?(小时|分钟|秒钟?)(?:是多少)?"
)
_TIMED: Final = frozenset({Statistic.DURATION, Statistic.SHARE})
_AMOUNTS: Final = frozenset({Statistic.INTEGRAL})
_ENGLISH: Final = frozenset({"english", "英文", "英语"})


def said_again(text: str, before: StructuredQuery) -> StructuredQuery | None:
    """Return `before` asked once more, of the readings as they are now, or in another shape; None for anything else."""
    plain = " ".join(text.lower().split()).strip("?？。.!！ ").removesuffix(" please").removesuffix("呢")
    if len(plain) > _LONGEST or before.refused or before.intent is Intent.CHAT:
        return None
    plain = _LEADS.sub("", plain, count=1)
    anew = replace(before, told=())
    if (note := _note(plain)) is not None:
        tabled = note.remark is Remark.NOT_TABLED and (before.interval or before.limit)
        return anew if tabled else _noted(anew, note)
    if found := _LANGUAGE.fullmatch(plain):
        language = Language.ENGLISH if _word(found) in _ENGLISH else Language.CHINESE
        return replace(anew, language=language, notes=(), unread=() if language is not before.language else anew.unread)
    if (found := _LENGTH.fullmatch(plain)) and before.conditions and set(before.statistics) & _TIMED:
        timed = (Statistic.DURATION if each is Statistic.SHARE else each for each in before.statistics)
        return replace(anew, statistics=tuple(dict.fromkeys(timed)), told_in=_unit(_word(found)), notes=(), unread=())
    if (found := _MONEY.fullmatch(plain)) and set(before.statistics) & _AMOUNTS:
        return anew if before.prices else replace(anew, refused=_word(found))
    return None


def _note(plain: str) -> Note | None:
    """What is said of a doubt, or of a shape that was asked for; None where neither is all that is said."""
    if _DOUBT.fullmatch(plain):
        return Note(remark=Remark.ONCE_MORE, words=())
    for shape, remark in ((_TABLE, Remark.NOT_TABLED), (_CHART, Remark.NOT_DRAWN)):
        if found := shape.fullmatch(plain):
            return Note(remark=remark, words=(_word(found),))
    return None


def _unit(word: str) -> str:
    return "h" if word.startswith(("hour", "小时")) else "min" if word.startswith(("min", "分")) else "s"


def _word(found: re.Match[str]) -> str:
    return next(filter(None, found.groups()))


def _noted(query: StructuredQuery, note: Note) -> StructuredQuery:
    asides = {Remark.ONCE_MORE, Remark.NOT_TABLED, Remark.NOT_DRAWN}
    return replace(query, notes=(*(each for each in query.notes if each.remark not in asides), note))
