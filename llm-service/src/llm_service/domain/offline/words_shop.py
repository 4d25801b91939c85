"""Further words of the shop floor: that a machine stands, that gas went through it, what is normal."""

from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.words_state import IDLE, RUNNING

_STANDING: Final = (
    "standing around|stand around|stands around|stood around|just standing|just standing around|doing nothing"
    "|did nothing|sitting around|sat around|no current|without current|no welding current|had no current"
    "|draw no current|drew no current|drawing no current|draws no current|没有电流|没电流|无电流|没有焊接电流"
)
_REPORTS: Final = (
    "shift report|short shift report|short report|brief report|handover report|shift summary|brief summary"
    "|short summary|report for the shift|交班报告|班次报告|值班报告|当班报告|简报|简短报告|简要报告|班报"
)
_CONSUMED: Final = (
    "eaten|eat|eats|ate|burn through|burns through|burned through|burnt through|burn|burned|burnt|go through"
    "|went through|gone through|goes through|get through|got through|swallow|swallowed|guzzle|guzzled"
)
_TOGETHER: Final = (
    "go together|goes together|go together with|go hand in hand|goes hand in hand|move together|moves together"
    "|follow|follows|track|tracks"
    "|depend on|depends on|dependent on|linked|linked to|tied to|influence|influences|influenced by|affect|affects"
    "|affected by|connected to|有关|影响|依赖|取决于|一起变化|同步变化|跟着变"
)
_LOST: Final = (
    "of data did we lose|of data did it lose|of data did we miss|of data are missing|of data is missing"
    "|of data were missing|of data was missing|of data were lost|of data was lost|of data is lost|of data are lost"
    "|data did we lose|data did it lose|data do we miss|data got lost"
)
_WHEN: Final = (
    "with the time it happened|with the time they happened|with the time of it|time pls|time please|+ time"
    "|plus time|plus the time|plus when|incl time|incl . time|including the time"
    "|including time|and time|and time pls|and time please|+ when|加时间|带时间|附时间"
)
_NORMAL: Final = (
    "what's normal|what ' s normal|what is normal|what’s normal|what is usual|what's usual|what ' s usual"
    "|normal range|the normal range|usual range|the usual range|typical range|the typical range|normal values"
    "|usual values|typical values|what range is normal|正常范围是多少|正常值是多少|正常是多少|一般在什么范围|通常是多少"
    "|一般是多少|正常范围|什么范围"
)
GRADING: Final = frozenset(
    {
        *("getting worse", "getting better", "get better", "get worse", "got better", "got worse", "gotten worse"),
        *("变差", "变好", "变差了", "变好了", "越来越差", "越来越好"),
    }
)
"""What asks for the course of the quality where no field is named."""
_ATTENTION: Final = (
    "nonsense|garbage|implausible|implausible values|rubbish|乱跳|乱数"
    "|should i look at|should i look at first|should we look at first|look at first|i look at first|needs attention"
    "|need attention|needs my attention|to worry about"
    "|worry about|keep an eye on|weird|funny|off the chart|fishy|noteworthy|out of line|misbehaving|misbehave"
    "|misbehaved|acting up|go wrong|went wrong|goes wrong|gone wrong|going wrong|anything go wrong"
    "|要注意|需要关注|不对|有点怪"
    "|怪怪的"
)
_THAN_USUAL: Final = (
    "higher than usual|lower than usual|hotter than usual|colder than usual|higher than normal|lower than normal"
    "|more than usual|less than usual|than usual|than normal|as usual|different from usual|比平时高|比平时低|比平时热"
    "|比平时|比平常|比往常|跟平时一样|和平时一样"
)
_RUN_HOURS: Final = (
    "welding hours|hours of welding|hours welding|hours welded|welded hours|arc hours|production hours|hours in use"
    "|焊接小时数|焊接工时|工时|焊接小时"
)
_SHOP: Final = (
    "in the shop|in our shop|in the plant|in the factory|on the shop floor|厂里|厂内"
    "|the shop|our shop|the plant|the factory|the whole place"
)
SHOP: Final = frozenset(_SHOP.split("|"))
"""What means all machines."""
_UNBROKEN: Final = (
    "without a stop|without stopping|without a pause|without pausing|nonstop|non-stop|in one go|一口气|中间没停"
)
UNBROKEN: Final = frozenset(_UNBROKEN.split("|"))
"""What stretches are anyway."""
NORMAL: Final = frozenset(_NORMAL.split("|"))
"""What asks for the usual values of a field."""
BARE_AMOUNTS: Final = frozenset({"gas", "wire", "argon", "气", "气体", "焊丝", "丝", "氩气"})
"""Names of what flows that say no flow: "gas per hour" is how much of it."""
_HOW_GOOD: Final = "how is the quality|how was the quality|质量好不好|质量怎么样|质量怎样|质量如何|质量好吗|质量咋样"


# A defect by its name and the word for it; "气孔" has the word for gas in it.
_DEFECTS: Final = {
    "porosity": "气孔缺陷|porosity defect|porosity defects|porosity fault|porosity faults|气孔问题",
    "undercut": "咬边缺陷|undercut defect|undercut defects|undercut fault|undercut faults|咬边问题",
    "lack_of_fusion": "未熔合缺陷|lack of fusion defect|lack of fusion defects|未熔合问题",
}
_HOW_POROUS: Final = "多少气孔|多少个气孔|几个气孔|多少气孔缺陷|多少个气孔缺陷|几个气孔缺陷"
_COMMON: Final = (
    "shows up most often|shows up most|show up most often|comes up most often|comes up most|come up most often"
    "|occurs most often|occurs most|occurred most often|appears most often|turns up most often|showed up most often"
    "|出现最多|出现得最多|出现次数最多|出现的次数最多"
)
_ALL_GROUPS: Final = "两个车间|两车间|各车间|各个车间|每个车间|两个厂房|各厂房"
_POWERS: Final = (
    "current times voltage|voltage times current|current x voltage|voltage x current|current * voltage"
    "|voltage * current|volts times amps|amps times volts|current multiplied by voltage"
    "|voltage multiplied by current|电流乘电压|电压乘电流|电流乘以电压|电压乘以电流"
)


def add_shop_words(lexicon: Lexicon) -> None:
    """Add these words to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    add(Kind.STATE, IDLE, _STANDING)
    add(Kind.INTENT, Intent.STATISTICS, _REPORTS)
    add(Kind.INTEGRAL, None, _CONSUMED)
    add(Kind.CORRELATION, None, _TOGETHER)
    add(Kind.STATISTIC, Statistic.MISSING_RATIO, _LOST)
    add(Kind.ASK_WHEN, None, _WHEN)
    add(Kind.UNHEEDED, None, _NORMAL)
    add(Kind.INTENT, Intent.TREND, "|".join(sorted(GRADING)))
    add(Kind.FIELD, "quality_label", _HOW_GOOD)
    add(Kind.INTENT, Intent.ANOMALY, _ATTENTION)
    add(Kind.INTENT, Intent.ANOMALY, _THAN_USUAL)
    add(Kind.STATE, RUNNING, _RUN_HOURS)
    add(Kind.HOW_LONG, None, _RUN_HOURS)
    add(Kind.UNHEEDED, None, _UNBROKEN)
    add(Kind.ALL, None, _SHOP)
    add(Kind.FILLER, None, "出了|should i|i should|should we|we should|都要|全都要|都要看|都算上")
    for label, names in _DEFECTS.items():
        add(Kind.LABEL, label, names)
    add(Kind.LABEL, "porosity", _HOW_POROUS)
    add(Kind.HOW_MANY, None, _HOW_POROUS)
    add(Kind.COMMON, None, _COMMON)
    add(
        Kind.QUALITY_RATE,
        "good",
        "焊接合格率|焊缝合格率|焊接良品率|焊接良率|产品合格率|质量合格率|weld pass rate|weld yield",
    )
    add(Kind.QUALITY_RATE, "", "焊接不良率|焊接缺陷率|焊缝缺陷率|焊接不合格率")
    add(Kind.GROUP, None, _ALL_GROUPS)
    add(Kind.FIELD, "power", _POWERS)
    add(Kind.STATISTIC, Statistic.STD, "noisy|noisier|noisiest|how noisy")
    add(Kind.UNHEEDED, None, "jump|jumps|jumped")
    add(Kind.WHICH, None, "哪次|哪一次|哪段|哪一段")
    add(
        Kind.FILLER,
        None,
        "列个表|列张表|列一张表|列个表格|做个表|做成表|列成表|列成表格|出个表|画个表|整理成表|以表格形式|用表格"
        "|grouped|broken down|多了还是少了|多还是少|长了还是短了|高了还是低了|更多还是更少|变多了还是变少了"
        "|增加了还是减少了"
        "|报告|in terms of|when it comes to|someone|somebody|anyone|anybody|performer|regarding"
        "|with respect to|as regards|ones|is that|thats|that ' s",
    )
