"""The words the rules know, in English and Chinese: statistics, usual fields and intents."""

import re
from typing import Final

from llm_service.domain.offline.query import Intent, Language, Statistic

STATISTIC_WORDS: Final[dict[Statistic, str]] = {
    Statistic.MISSING_RATIO: r"missing(?:[ _](?:ratio|rate|values?))?|gaps?|缺失(?:率|值|比例)?",
    Statistic.STD: r"standard deviations?|std(?:dev)?|st\.? dev|标准差|标准偏差",
    Statistic.MEDIAN: r"medians?|中位数|中值",
    Statistic.MEAN: r"means?|averages?|avg|on average|平均(?:值|数)?|均值",
    Statistic.MAX: r"max(?:imum|ima)?|highest|peak|largest|greatest|hottest|最大(?:值)?|最高(?:值)?|峰值",
    Statistic.MIN: r"min(?:imum|ima)?|lowest|smallest|least|coldest|最小(?:值)?|最低(?:值)?",
    Statistic.RANGE: r"spread|value range|range of|极差|波动范围",
    Statistic.SUM: r"sum|total of|总和|合计|总计",
    Statistic.COUNT: (
        r"counts?|(?:how many|number of) (?:rows|readings|points|samples|measurements|values|records)"
        r"|多少(?:条|个点|行|个样本)|几条|样本数|数据量|计数"
    ),
    Statistic.LAST: (
        r"latest|most recent|newest|last (?:value|reading|measurement)s?|right now|at the moment|currently"
        r"|current(?= (?:value|reading|state|level|status|temperature|pressure|voltage|wire|gas|flow|speed|humidity))"
        r"|最新(?:的)?(?:值|读数|数据)?|现在|当前|目前|此刻|实时"
    ),
}

# Usual fields by the name the shop floor data uses, with what people call them.
FIELD_WORDS: Final[dict[str, str]] = {
    "current": r"currents?|amperage|amps?|电流",
    "voltage": r"voltages?|volts?|电压",
    "temperature": r"temperatures?|temp|温度|气温",
    "pressure": r"pressures?|压力|气压|压强",
    "wire_feed": r"wire[ _-]?feed(?:[ _-]?(?:speed|rate))?|送丝(?:速度)?",
    "gas_flow": r"gas[ _-]?flow(?:[ _-]?rate)?|气体流量|保护气(?:流量)?|气流",
    "flow": r"(?:volume )?flow(?:[ _-]?rates?)?|流量",
    "speed": r"speed|rpm|转速|速度",
    "vibration": r"vibrations?|振动|震动",
    "accelerometer": r"accelerometers?|acceleration|加速度(?:计)?",
    "thermocouple": r"thermocouples?|热电偶",
    "humidity": r"humidity|湿度",
    "power": r"power|功率",
    "level": r"level|液位",
    "quality_label": r"quality(?:[ _-]?labels?)?|质量(?:标签)?|焊接质量",
}

# In order of precedence.
INTENT_WORDS: Final[tuple[tuple[Intent, str], ...]] = (
    (
        Intent.LIST_DEVICES,
        r"\b(?:list|show|display|name|enumerate)\b[^.?!]{0,24}\b(?:devices|machines|equipment)\b"
        r"|\b(?:which|what|how many)\b[^.?!]{0,16}\b(?:devices|machines|equipment)\b"
        r"|\b(?:devices|machines)\b[^.?!]{0,12}\b(?:available|exist|are there|do (?:i|we|you) have)\b"
        r"|\b(?:what|which) (?:fields|sensors|signals|channels|columns|measurements)\b"
        r"|(?:哪些|什么|多少台?|几台|列出|所有|全部|查看)[^。？！]{0,8}(?:设备|机器|传感器|字段|测点)|设备列表|设备清单",
    ),
    (
        Intent.COMPARE,
        r"\bcompar(?:e|es|ed|ing|ison)\b|\bversus\b|\bvs\b|\bdifference between\b|比较|对比|相比|差异",
    ),
    (Intent.FEATURES, r"\bfeatures?\b|特征"),
    (
        Intent.ANOMALY,
        r"\banomal(?:y|ies|ous)\b|\boutliers?\b|\babnormal(?:ities)?\b|\bunusual\b|\bfaults?\b|异常|离群|故障",
    ),
    (
        Intent.TREND,
        r"\btrends?\b|\bover time\b|\b(?:rising|falling|increasing|decreasing|drifting)\b|\bevolv(?:e|ed|ing)\b"
        r"|\b(?:plot|chart|graph|curve)\b|趋势|走势|变化|曲线|上升|下降",
    ),
    (
        Intent.QUERY,
        r"\braw data\b|\b(?:show|give|get|fetch|display|print)\b[^.?!]{0,20}\b(?:data|rows|readings|values|records)\b"
        r"|原始数据|明细|数据记录|历史数据|查询[^。？！]{0,10}数据",
    ),
    (
        Intent.STATISTICS,
        r"\bstat(?:s|istics?)?\b|\bsummar(?:y|ise|ize)\b|\boverview\b|\bhow (?:is|was|are|were|did|hot|warm|cold|high"
        r"|low|fast)\b|统计|概况|汇总|总结|情况|状态|怎么样|如何",
    ),
)

DEVICE_WORDS: Final = (
    r"\b(?:devices?|machines?|sensors?|telemetry|welders?|equipment|valves?|pumps?)\b|设备|机器|传感器|焊机|遥测|阀|泵"
)


def _bounded(words: str) -> str:
    """Whole words only, where words have ends: Chinese ones may stand against Latin letters."""
    return rf"(?:(?<![a-z0-9_])|(?![a-z]))(?:{words})(?:(?![a-z0-9_])|(?<![a-z]))"


_STATISTIC_PATTERNS: Final = {statistic: re.compile(_bounded(words)) for statistic, words in STATISTIC_WORDS.items()}
_FIELD_PATTERNS: Final = {name: re.compile(_bounded(words)) for name, words in FIELD_WORDS.items()}
_INTENT_PATTERNS: Final = tuple((intent, re.compile(words)) for intent, words in INTENT_WORDS)
_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")


def language_of(text: str) -> Language:
    """Return the language a prompt is written in: Chinese as soon as it holds a Chinese character."""
    return Language.CHINESE if _CHINESE.search(text) else Language.ENGLISH


def find_statistics(text: str) -> tuple[Statistic, ...]:
    """Return the statistics `text` (lower case) names, in the order of their mention."""
    found: list[tuple[int, Statistic]] = []
    for statistic, pattern in _STATISTIC_PATTERNS.items():
        if match := pattern.search(text):
            found.append((match.start(), statistic))
    return tuple(statistic for _, statistic in sorted(found, key=lambda pair: pair[0]))


def blank_statistics(text: str) -> str:
    """Return `text` (lower case) with the words of statistics blanked, positions kept."""
    for pattern in _STATISTIC_PATTERNS.values():
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def find_usual_fields(text: str) -> tuple[str, ...]:
    """Return the usual fields `text` (lower case) names, in the order of their mention, the longer name first."""
    found: list[tuple[int, str]] = []
    for name, pattern in _FIELD_PATTERNS.items():
        if match := pattern.search(text):
            found.append((match.start(), name))
            text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return tuple(name for _, name in sorted(found))


def usual_field_of(text: str) -> str | None:
    """Return the usual field that `text` names as a whole, or None."""
    lowered = text.lower().strip()
    return next((name for name, pattern in _FIELD_PATTERNS.items() if pattern.fullmatch(lowered)), None)


def find_intent(text: str) -> Intent | None:
    """Return the first intent in precedence whose words `text` (lower case) holds."""
    return next((intent for intent, pattern in _INTENT_PATTERNS if pattern.search(text)), None)


def speaks_of_devices(text: str) -> bool:
    """Whether `text` (lower case) has a word for a device at all."""
    return re.search(DEVICE_WORDS, text) is not None
