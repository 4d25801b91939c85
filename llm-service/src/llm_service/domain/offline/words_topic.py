"""Words that say what a question is about beside fields, statistics and kinds of answers."""

from typing import Final

from llm_service.domain.offline.query import Statistic

SHOWING: Final = frozenset({"show", "display", "print", "fetch", "give", "get", "list", "显示", "查询", "查看", "列出"})
SHOWN: Final = frozenset({"data", "readings", "rows", "values", "records", "数据", "读数", "记录"})
WELDS: Final = frozenset(
    {"weld", "welds", "part", "parts", "piece", "pieces", "焊缝", "焊点", "工件", "件", "多少件", "几件"}
)
# Verbs as well: "the hour in which it was the most idle".
MORE: Final = frozenset({"more", "fewer", "less"})
VERBAL: Final = frozenset({"空闲", "停", "焊接", "运行"})
# Of groups these compare what is usual of them; "highest" is one reading.
RATHER: Final = frozenset(
    {"more", "less", "most", "least", "higher", "lower", "更高", "更低", "更大", "更小", "更多", "更少", "最多", "最少"}
)
# Names of usual fields that say of which readings.
WHILE_WELDING: Final = {
    "current": frozenset({"welding current", "arc current", "焊接电流"}),
    "voltage": frozenset({"welding voltage", "arc voltage", "焊接电压", "电弧电压"}),
}
# What readings at rest change; the highest they don't.
OF_ALL_READINGS: Final = frozenset({Statistic.MEAN, Statistic.MEDIAN, Statistic.MIN, Statistic.STD, Statistic.VARIANCE})
SPIKES: Final = frozenset({"spike", "spikes", "sensor spike", "sensor spikes", "尖峰", "毛刺"})
# What begins and ends, so that its number is that of stretches.
OCCASIONS: Final = frozenset({"event", "events", "occurrence", "occurrences", "incident", "incidents", "episodes"})
SEAMS: Final = frozenset({"seam", "seams"})
GOT: Final = frozenset({"got", "get", "gets", "gotten", "become", "became"})
MUCH: Final = frozenset({"how much"})
LAST_TIME: Final = frozenset({"最后一次"})
QUANTITY: Final = frozenset({"most", "least", "最多", "最少"})
FLOWING: Final = frozenset({"gas_flow", "wire_feed"})
FASTEST: Final = frozenset({"fastest", "the fastest", "quickest", "最快"})
SLOWEST: Final = frozenset({"slowest", "the slowest", "weakest", "gentlest", "flattest", "最慢", "最弱", "最平缓"})
STRONGEST: Final = frozenset(
    {
        "strongest",
        "the strongest",
        "steepest",
        "sharpest",
        "clearest",
        "most pronounced",
        "最强",
        "最明显",
        "最陡",
        "最猛",
        "最显著",
    }
)
# Which way a trend goes, besides the words that are one.
UPWARD: Final = frozenset({"upward", "upwards", "向上", "上行"})
DOWNWARD: Final = frozenset({"downward", "downwards", "向下", "下行"})
FALLING: Final = frozenset(
    {
        *("falling", "decreasing", "going down", "go down", "went down", "gone down", "dropping", "fall", "decrease"),
        *("decreased", "fell", "dropped", "declined", "declining", "decline", "fallen", "cooled", "cooling down"),
        *("getting colder", "getting cooler", "getting lower", "cooler", "drop", "drops", "falls", "cooled down"),
        *(
            "降幅",
            "跌得",
            "降得",
            "跌幅",
            "下降",
            "降低",
            "下跌",
            "在降",
            "减少",
            "降温",
            "在降温",
            "正在降温",
            "变冷了",
            "越来越冷",
            "越来越低",
        ),
    }
)
DROPS: Final = frozenset({"drop", "drops", "fall"})
# Behind a word for glitches these leave them out.
ASIDE: Final = frozenset({"aside", "excluded", "ignored", "removed", "omitted", "left out", "除外", "不算", "不计"})
SPREAD: Final = frozenset(
    {"distribution", "distributed", "histogram", "quartiles", "分布", "分布情况", "直方图", "分布图"}
)
# "How long has it been on" asks since when, unless a range of time is named.
LASTING: Final = ("how long has", "how long have", "多久了", "多长时间了", "多少时间了")
# Whether something holds now is asked with these, whether it ever did with those.
PRESENT: Final = frozenset({"is", "are", "isn't", "aren't", "isnt", "吗", "是不是", "是否", "没有", "没", "在"})
EVER: Final = frozenset({"ever", "any time", "at any time", "有没有", "曾", "曾经", "过", "有无", "有", "了"})
# Before a field these ask for its values.
FOR_VALUES: Final = ("what", "show", "give", "tell me the")
