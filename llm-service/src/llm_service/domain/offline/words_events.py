"""The words for how long, how often and how much in all: durations, events, integrals, states, shifts, rankings."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent, Operator, Statistic
from llm_service.domain.offline.words_data import Comparative

_HOW_LONG: Final = (
    "length|lengths|length of|the length of|lengths of|how long each|how long|how many hours|how many minutes"
    "|how many seconds|how much time|for how long|total time|total duration|the total time|time spent"
    "|time above|time below|duration|durations|how long in total|多久|多长时间|多长|几个小时|几小时|几分钟"
    "|有几分钟|有几个小时|有几小时|有几秒|几秒|几秒钟|多少秒钟|有多少分钟|有多少小时|有多少个小时|有多长时间|的时间有"
    "多长|时间有多长"
    "|的时间多长|时长|的时长|持续时间|持续多久|持续了多久|持续了多长时间|多少时间|有多少时间|多少分钟|多少小时|多少个"
    "小时|多少秒"
    "|总时长|的总时长|总时间|的总时间|累计时间|累计时长|总共多久"
)
_TIME_SHARE: Final = (
    "share of the time|share of time|percentage of the time|percentage of time|percent of the time"
    "|percent of time|% of the time|what part of the time|how much of the time|fraction of the time"
    "|fraction of time|proportion of time|proportion of the time|what share of the time"
    "|what percentage of the time|what percent of the time|时间占比|的时间占比|时间比例|的时间比例|时间百分比"
    "|的时间百分比|时间占多少|时间的比例|时间的百分比"
)
_HOW_OFTEN: Final = "often|frequently|how often|how frequently|多久一次|频率|多频繁|多常|频次"
_HOW_MANY_TIMES: Final = (
    "几段|有几段|多少段|how many times|number of times|times|几次|有几次|多少次|次数|的次数|有多少次|多少回|几回"
    "|几道|多少道"
)
_INTEGRAL: Final = (
    "wasted|waste|wastes|浪费|浪费了|used|use|uses|using|consumed|consume|consumes|consumption|usage|total"
    "|totals|amount|amounts|quantity|total used|cumulative|integral|integrated|accumulated|added up|used up"
    "|volume of|how much in total|消耗|用了|用掉|累计|总用量|总长度|总长|消耗量|积分|用量|总量|总消耗|耗了|耗|耗掉|烧了"
    "|用去|用的|用得|耗的|耗量|一共用了|总共用了|消耗了"
)
_FIRST: Final = "first time|the first time|earliest time|第一次|首次|最早一次|头一次|最先"
_LAST: Final = (
    "last time|the last time|most recent time|the most recent time|latest time|最后一次|最近一次|上一次|上次|最近一回"
)
_STEADIEST: Final = (
    "most stable|most steady|steadiest|the most stable|more stable|more steady|steadier|更稳定|更平稳|更稳|最稳定"
    "|最平稳|最稳|波动最小|变化最小"
)
SEVERAL: Final = {
    "steadiest": (Statistic.STD, Statistic.MIN),
    "spread": (Statistic.STD, Statistic.RANGE),
    "extremes": (Statistic.MIN, Statistic.MAX),
}
"""The statistics that one word asks for."""
# The hours in which shifts of these names begin.
_SHIFTS: Final = {
    frozenset({*range(18, 24), *range(4)}): "night shift|the night shift|third shift|夜班|大夜班|小夜班|晚班",
    frozenset(range(4, 10)): "early shift|morning shift|first shift|the early shift|the morning shift|早班",
    frozenset(range(11, 18)): "late shift|evening shift|afternoon shift|second shift|the late shift|中班",
    frozenset(range(5, 11)): "day shift|the day shift|白班|日班",
}
_UNITS: Final = (
    "what unit|which unit|what units|which units|in what unit|in which unit|in what units|in which units"
    "|what is the unit|what ' s the unit|what are the units|the unit of|unit of|units of|the units of"
    "|unit of measure|unit of measurement|with units|and units|and their units|their units|and the units"
    "|用的是什么单位|用的什么单位|用的是啥单位|单位是什么|什么单位|是什么单位|的单位|单位|单位分别是什么|用什么单位"
    "|单位是啥|哪个单位|各自的单位"
)
_MEASURED: Final = (
    "can you measure|can measure|be measured|do you measure|does it measure|are measured|is measured|measure"
    "|measures|quantities|quantity measured|parameters|parameter|variables|values does|measured quantities|测量项"
    "|测量项目|参数|测量什么|测什么|能测什么|测哪些|测些什么|变量|测量哪些|采集哪些|监测什么|监测哪些|测量量"
)
_WHETHER: Final = (
    "never|never ever|not once|not even once|not a single time|at no time"
    "|没有一次|一次都没|一次也没|一次都没有|一次也没有|从未|从不|从没|从来没有|从来没"
    "|true|correct|is that right|is it true|对吗|对不对"
    "|对吧|whether|did|does|do|was|were|is|are|has|have|ever|any time|at any time|有没有|是否|是不是|曾经|曾"
    "|有无|吗"
)
_SPREAD: Final = (
    "stable|steady|稳定|平稳"
    "|how stable|how steady|stability|fluctuate|fluctuates|fluctuated|fluctuation|fluctuations|fluctuating|vary"
    "|scatter|scatters|scattered|swing|swings|swung|jump around|jumps around|jumped around"
    "|how far apart are|上下波动|起伏|起伏多大|摆动|跳动|varies|varied|variability|volatile|波动|波动大|波动大吗|波动"
    "情况|波动如何|稳定性|抖动|有多稳定"
)

_VARYING: Final = (
    "变化大|变化很大|变化比较大|变化幅度大|变化小|变化很小|起伏|起伏大|忽高忽低|不稳定|不稳|unstable|unsteady"
    "|least stable|least steady|most unstable|最不稳定|最不平稳|最不稳|起伏最大|变化最大"
)
_HEATING: Final = (
    "heating up|heat up|heats up|heated up|warming up|warm up|warms up|cooling down|cool down|cools down"
    "|cooled down|cooling off|warmed up|warmed|cooled|cooled off"
    "|升温|降温|变热|变冷|升温了|降温了|在降温|在升温|正在降温|正在升温"
)

_FILLERS: Final = (
    "spend|spends|spent|saw|stay|stays|stayed|hit|具体|间隔|步长|一个点|粒度|达到|at all|breakdown|by how much"
    "|by how many degrees|how many degrees|lasted|lasts|good morning|good afternoon|good evening|good day|good night"
    "|morning all|早上好|上午好|下午好|晚上好|你好|您好|大家好|多少度|几度|请帮忙"
)
_OVERVIEW: Final = (
    "sum up|sums up|summing up|perform|performs|performed|performing|performance|doing|behave|behaved|behaving"
    "|表现|运行状况|工作情况|工作状况"
)
_ABOVE: Final = (
    "surpass|surpasses|surpassed|cross|crosses|crossed|crossing|climbed above|rose over|rise over|in excess of"
    "|went past|go past|went beyond|超过了|超出了|高过|冲破|越过|高于了|大过|冲过"
)
_BELOW: Final = (
    "fell under|dipped below|dip below|dips below|sank below|sink below|dropped under|falling below"
    "|dropping below|going below|跌破|跌破了|低过|降破|低于了|掉破|跌到|掉到"
)

LONGEST_FIRST: Final = (
    "longest first|by length|by duration|sorted by length|sorted by duration|order by length|ordered by length"
    "|ordered by duration|sort by length|sort by duration|sorted by their length|in order of length|按时长排序|按时长"
    "|按长度|按长短|从长到短|按时长排|按时长排个序|按持续时间|按持续时间排序|最长的在前|长的在前"
)
"""What asks for single stretches in the order of their length."""
_LONGEST: Final = (
    "longest uninterrupted stretch|the longest uninterrupted stretch|longest unbroken stretch"
    "|longest uninterrupted period|the longest uninterrupted period"
    "|longest|the longest|longest time|longest period|longest stretch|the longest period|the longest stretch|最久"
    "|最长|最长时间|最长一次|最长的一次|最长的一段|最久的一次"
)

# How fast or how clearly something goes one way; a ranking of courses heeds them.
_PACES: Final = (
    "fastest|the fastest|quickest|slowest|the slowest|strongest|the strongest|steepest|sharpest|clearest"
    "|most pronounced|weakest|gentlest|flattest|upward|upwards|downward|downwards|最快|最慢|最强|最明显|最陡|最猛"
    "|最显著|最弱|最平缓|向上|上行|向下|下行"
)


def add_event_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    add(Kind.HOW_LONG, None, _HOW_LONG)
    add(Kind.TIME_SHARE, None, _TIME_SHARE)
    add(Kind.HOW_OFTEN, None, _HOW_OFTEN)
    add(Kind.TIMES, None, _HOW_MANY_TIMES)
    add(Kind.INTEGRAL, None, _INTEGRAL)
    add(
        Kind.SHARE,
        None,
        "占今天的百分之几|占今天的百分之多少|占昨天的百分之几|占这段时间的百分之几|占这段时间的百分之多少|占这段时间"
        "多少"
        "|占多少时间|占这段时间的多少|占百分之几|占百分之多少|占多大比例|占多少比例|占全天多少|占全天的多少|占一天多"
        "少|占了多少|占多大|占全部多少",
    )
    add(Kind.MORE, Comparative(field="temperature", statistic=None), "多热|有多热|多冷|有多冷|how cold")
    add(Kind.INTENT, Intent.COMPARE, "差|之差|差值|差距")
    add(Kind.HOW_LONG, None, _LONGEST)
    add(Kind.HOW_LONG, None, LONGEST_FIRST)
    add(
        Kind.AMOUNT,
        None,
        "how much gas|how much wire|how much shielding gas|how much argon|how much welding wire|how much filler wire"
        "|多少气|多少气体|多少保护气|多少焊丝|多少丝|总用气量|总耗气量|总气量"
        "|用气总量|耗气总量|用气|耗气|用气量|耗气量|gas consumption|gas usage|wire consumption|wire usage"
        "|焊丝消耗|焊丝用量|用焊丝|用丝|耗焊丝|耗丝|用保护气|耗保护气|用气体|用氩气|用丝量|耗丝量",
    )
    add(Kind.UNHEEDED, None, _PACES)
    add(
        Kind.COMMON,
        None,
        "most common|the most common|commonest|the commonest|most frequent|the most frequent|most often seen"
        "|最常见|最常出现|最普遍|最多见",
    )
    add(Kind.OCCASION, False, _FIRST)
    add(Kind.OCCASION, True, _LAST)
    for begins, names in _SHIFTS.items():
        add(Kind.SHIFT, begins, names)
    add(Kind.ASK_UNIT, None, _UNITS)
    add(Kind.FIELD_WORD, None, _MEASURED)
    add(Kind.WHETHER, None, _WHETHER)
    add(Kind.SEVERAL, "spread", _SPREAD)
    add(
        Kind.SEVERAL,
        "spread",
        _VARYING,
    )
    add(Kind.SEVERAL, "steadiest", _STEADIEST)
    add(
        Kind.SEVERAL,
        "extremes",
        "extremes|extreme values|extrema|highs and lows|极值|高低值|峰谷值",
    )
    add(Kind.FILLER, None, _FILLERS)
    add(Kind.INTENT, Intent.STATISTICS, _OVERVIEW)
    add(Kind.OPERATOR, Operator.GT, _ABOVE)
    add(Kind.OPERATOR, Operator.LT, _BELOW)
    add(
        Kind.FIELD,
        "gas_flow",
        "总用气量|总耗气量|总气量|用气总量|耗气总量|多少气|多少气体|多少保护气|气量|how much gas"
        "|how much shielding gas|how much argon",
    )
    add(Kind.FIELD, "gas_flow", "用保护气|耗保护气|用气体|用氩气")
    add(
        Kind.FIELD,
        "wire_feed",
        "焊丝|用焊丝|用丝|耗焊丝|耗丝|用丝量|耗丝量|多少焊丝|多少丝|how much wire"
        "|how much welding wire|how much filler wire",
    )
    add(Kind.ROWS, None, "记录")
    add(Kind.ASK_WHEN, None, "moments when|the moments when|moments|the moments|times when|哪些时刻|哪些时候|时刻")
    add(
        Kind.WHICH,
        None,
        "which of the two|which of these two|which one of the two|which of both|哪一|who|who has|who had",
    )
    add(Kind.STATISTIC, Statistic.LAST, "the moment|this moment|moment")
    add(Kind.INTENT, Intent.TREND, _HEATING)
    add(Kind.MORE, Comparative(field="temperature", statistic=None), _HEATING)
    add(Kind.INTENT, Intent.STATISTICS, "多快|多慢")
    add(Kind.AT, None, "次日|第二天|翌日|隔天")
