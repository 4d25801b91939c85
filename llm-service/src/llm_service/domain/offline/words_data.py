"""The words for what is measured and computed, in English and Chinese: statistics, fields, labels, conditions."""

from dataclasses import dataclass
from typing import Final

from llm_service.domain.offline.lexicon import Kind, Lexicon
from llm_service.domain.offline.query import Operator, Statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparative:
    """What "hotter" says: of which usual field ("" for any), and which end is meant; None for "hot"."""

    field: str
    statistic: Statistic | None


STATISTICS: Final = {
    Statistic.MEAN: "mean|means|average|averages|avg|on average|averaged|arithmetic mean|平均|平均值|平均数|均值",
    Statistic.MAX: "max|maximum|maxima|highest|peak|peaks|largest|greatest|biggest|most|top|最大"
    "|最大值|最高|最高值|峰值|最多",
    Statistic.MIN: "min|minimum|minima|lowest|smallest|least|fewest|bottom|最小|最小值|最低|最低值|最少|谷值",
    Statistic.STD: "standard deviation|standard deviations|std|stddev|std dev|st dev|st . dev|sd"
    "|sigma|standard dev|标准差|标准偏差|均方差",
    Statistic.VARIANCE: "variance|variances|方差",
    Statistic.MEDIAN: "median|medians|typical|typically|中位数|典型|典型值|中值|中位值",
    Statistic.COUNT: "any data|is there data|is there any data|do we have data|do we have any data"
    "|do you have data|have data|has data|have any data|has any data|有数据吗|有没有数据|是否有数据|有数据没有"
    "|有无数据|count|counts|row count|number of|total number of|total count of|total count|how many rows"
    "|how many readings|计数|数量|条数|样本数|数据量",
    Statistic.RANGE: "range of|range of the|spread|value range|range of values|peak to peak"
    "|peak-to-peak|极差|波动范围|变化范围|变化幅度",
    Statistic.SUM: "sum|sums|total of|summed|总和|合计|总计|求和",
    Statistic.MISSING_RATIO: "data gap|data gaps|gaps in the data|gap in the data|holes|hole|lose data|loses data"
    "|lost data|losing data|drop data|dropped data|data lost|data loss|dropout"
    "|dropouts|offline|disconnected|disconnect|disconnects|disconnections|lost connection|lose connection"
    "|lost the connection|connection lost|connection losses|outage|outages|off the network|without data|no data"
    "|缺|缺了|缺多少|缺不缺|缺了多少|缺了多少数据|缺多少数据|缺了几条|少了多少数据|缺的数据"
    "|少了多少行数据|少了多少行|少多少行数据|少多少行|缺了多少行数据|缺了多少行|少多少条数据|少多少条|少了多少条数据|少了多少条|缺了多少条数据|缺了多少条|缺多少条数据|缺多少条|少了几条数据|少了几条"
    "|断线|掉线|离线|断网|断连|缺口|断档|丢数据|丢数|丢了多少数据|丢了几秒数据|丢了几秒的数据|丢了多少秒数据|丢了几分钟数据|丢过数据"
    "|丢了数据|漏采|漏采了|漏采的数据|漏数|漏传|漏掉的数据|数据中断|没有数据|没数据|缺数据|少数据|数据缺口"
    "|missing|missing ratio|missing rate|missing values|missing value|missing data|gap|gaps|missing readings"
    "|share of missing values|缺失|缺失率|缺失值|缺失比例|缺失数据",
    Statistic.LAST: "latest|most recent value|most recent reading|newest|last value|last reading|latest value"
    "|latest reading|last measurement|last known|right now|at the moment|at present|currently|current value"
    "|current reading|current level|current state|current status|live|now|last seen|last report|last reported"
    "|last online|last send|last sent|last transmit|last transmitted|last hear from|last heard from"
    "|last hear of|last contact|last heard|last came in|last sign of life|last record|last measure"
    "|last measured|最新|最新的|最新值|最新读数|最新数据|最新一条|当前|现在|目前|此刻|实时|眼下|最后一次"
    "|最后一条",
    Statistic.FIRST: "first value|first reading|first measurement|earliest value|earliest reading|第一条|最早的|首条",
}
# Usual fields by the name the shop floor's data uses.
FIELDS: Final = {
    "current": "current|currents|amperage|amps drawn|draw|draws|drew|drawn|drawing|welding current|arc current|电流"
    "|焊接电流",
    "voltage": "voltage|voltages|arc voltage|welding voltage|电压|电弧电压|焊接电压",
    "temperature": "temperature|temperatures|temp|temps|torch temperature|heat|温度|气温|焊枪温度",
    "pressure": "pressure|pressures|压力|气压|压强",
    "wire_feed": "wire feed|wire feeds|wire-feed|wirefeed|wire feed speed|wire feed rate|wire speed"
    "|feed rate|feed speed|wire|wire consumption|wire usage|焊丝消耗|耗丝|焊丝用量"
    "|送丝|送丝速度|送丝速率|焊丝速度",
    "gas_flow": "gas flow|gas-flow|gasflow|gas flow rate|shielding gas|shielding gas flow|gas"
    "|气体流量|保护气|保护气流量|保护气体流量|气流|气流量|气体|用气量|用气|耗气|耗气量"
    "|gas consumption|gas usage",
    "flow": "volume flow|flow|flows|flow rate|flow rates|volume flow rate|流量|体积流量",
    "speed": "speed|speeds|rpm|rotation speed|转速|速度",
    "vibration": "vibration|vibrations|振动|震动",
    "accelerometer": "accelerometer|accelerometers|acceleration|加速度|加速度计",
    "thermocouple": "thermocouple|thermocouples|热电偶",
    "humidity": "humidity|湿度",
    "energy": "energy|energy consumption|energy use|electricity|electric energy|electrical energy|power consumption"
    "|电能|能耗|用电量|耗电量|用电|耗电|电量|多少度电|几度电|多少电|度电|电耗|费电|最费电|更费电|耗能|最耗电|更耗电",
    "power": "power|wattage|power draw|power drawn|power input|electrical power|arc power|welding power|功率|电功率"
    "|焊接功率|电弧功率",
    "level": "level|液位",
    "quality_label": "kinds of defects|kind of defects|types of defects|type of defects|defect types"
    "|defect type|what defects|which defects|what kinds of defects|what types of defects|which kinds of defects"
    "|sorts of defects|quality breakdown|缺陷类型|缺陷种类|哪些缺陷|什么缺陷|哪种缺陷|哪些类型的缺陷|有哪些缺陷"
    "|哪几种缺陷|quality|quality label|quality labels|weld quality|welding quality|label|labels|质量|质量标签"
    "|焊接质量|标签",
}
LABEL_FIELD: Final = "quality_label"
GOOD: Final = "good"
_LABELS: Final = {
    GOOD: "good|良品|合格品|好品|ok|okay|fine quality|良好|合格|优良|正常焊接|好的",
    "": "bad|defective|faulty|poor|defect|defects|not ok|ng|不良|不合格|坏|坏的|缺陷|有缺陷|次品"
    "|不良品|废品|残次品|坏件|不合格品",
    "porosity": "porosity|porous|气孔",
    "undercut": "undercut|undercuts|咬边",
    "lack_of_fusion": "lack of fusion|lack_of_fusion|lack-of-fusion|未熔合",
}
_COMPARATIVES: Final = {
    Comparative(
        field="temperature", statistic=Statistic.MAX
    ): "hotter than|warmer than|hotter|warmer|hottest|warmest|最热|更热|最烫|更烫",
    Comparative(
        field="temperature", statistic=Statistic.MIN
    ): "colder than|cooler than|colder|cooler|coldest|coolest|最冷|更冷",
    Comparative(field="temperature", statistic=None): "hot|warm|cold|cool|热|冷|烫",
    Comparative(
        field="", statistic=Statistic.MAX
    ): "higher than|larger than|greater than|higher|larger|greater|bigger|更高|更大|高|大|高一些|高吗|大吗",
    Comparative(field="", statistic=Statistic.MIN): "lower than|smaller than|lower|smaller|更低|更小|低|小|低吗|小吗",
}
_OPERATORS: Final = {
    Operator.GT: ">|longer than|lasting longer than|lasting more than|lasting over|lasted longer than"
    "|lasted more than|lasted over|of more than|长于|久于|持续超过|超过了|rise above|rises above|rose above"
    "|go above|goes above|went above|go over|goes over|went over|climb above|above|over|exceed|exceeds|exceeded"
    "|exceeding|greater than|more than|higher than|larger than|bigger than|beyond|was above|hotter than"
    "|warmer than|大于|高于|超过|多于|超出|超|突破",
    Operator.GE: "lasting at least|of at least|at minimum|min .|reach|reaches|reached|hit|hits|> =|>=|≥|⩾"
    "|at least|no less than|not less than|not below|greater than or equal to|minimum of|大于等于|大于或等于"
    "|不小于|不低于|至少|不少于|达到",
    Operator.LT: "<|fall below|falls below|drop below|drops under|fall under|falls under|drop under"
    "|go below|goes below|went below|below|under|less than|lower than|smaller than"
    "|fewer than|colder than|cooler than|beneath|drops below|dropped below|fell below"
    "|小于|低于|少于|不到|不足",
    Operator.LE: "< =|<=|≤|⩽|at most|no more than|not more than|not above|not exceeding"
    "|less than or equal to|小于等于|小于或等于|不大于|不高于|不超过|至多|最多为",
    Operator.EQ: "=|= =|==|equals|equal to|equal|exactly|is equal to|等于|恰好为",
    Operator.NE: "! =|!=|<>|< >|≠|not equal to|unequal to|other than|不等于|不是|不为|非",
}
_SUFFIXES: Final = {
    Operator.GT: "以上|or more|and above|or above|or higher",
    Operator.LT: "以下|or less|and below|or below|or lower",
}
_UNITS: Final = {
    "°C": "°c|c|℃|degrees celsius|degree celsius|degrees centigrade|celsius|centigrade|deg c|° celsius|摄氏度|摄氏",
    "°F": "°f|f|℉|degrees fahrenheit|degree fahrenheit|fahrenheit|deg f|° fahrenheit|华氏度|华氏",
    "K": "kelvin|kelvins|开尔文|开氏度",
    "°": "degrees|degree|°|度",
    "A": "a|amp|amps|ampere|amperes|安|安培",
    "mA": "ma|milliamp|milliamps|milliampere|milliamperes|毫安",
    "kA": "ka|kiloamp|kiloamps|kiloampere|千安",
    "V": "v|volt|volts|伏|伏特",
    "mV": "mv|millivolt|millivolts|毫伏",
    "kV": "kv|kilovolt|kilovolts|千伏",
    "m/min": "m / min|meters per minute|metres per minute|meter per minute|米每分钟|米/分钟|米/分|米每分",
    "mm/s": "mm / s|millimeters per second|millimetres per second|毫米每秒",
    "m/s": "m / s|meters per second|metres per second|米每秒|米/秒",
    "cm/min": "cm / min|centimeters per minute|centimetres per minute|厘米每分钟",
    "in/min": "in / min|inch / min|ipm|inches per minute",
    "L/min": "l / min|lpm|liters per minute|litres per minute|liter per minute|litre per minute|升每分钟|升/分钟|升/分"
    "|升每分",
    "L/h": "l / h|liters per hour|litres per hour|liter per hour|升每小时|升/小时",
    "L/s": "l / s|liters per second|litres per second|升每秒",
    "m3/h": "m3 / h|m³ / h|cubic meters per hour|cubic metres per hour|立方米每小时",
    "cfh": "cfh|scfh|ft3 / h|ft³ / h|ft3 / hr|cubic feet per hour|cubic feet / h|cubic foot per hour|立方英尺每小时",
    "cfm": "cfm|scfm|ft3 / min|ft³ / min|cubic feet per minute|立方英尺每分钟",
    "mL/min": "ml / min|milliliters per minute|millilitres per minute|毫升每分钟|毫升/分钟",
    "ft/min": "ft / min|fpm|feet per minute|foot per minute|英尺每分钟",
    "kg": "kg|kilos|kilo|kilogram|kilograms|公斤|千克",
    "m": "meters|metres|meter|metre|米",
    "m3": "m3|m³|cubic meters|cubic metres|cubic meter|cubic metre|立方米|立方",
    "L": "l|liter|liters|litre|litres|升",
    "bar": "bar|bars|巴",
    "mbar": "mbar|millibar|毫巴",
    "Pa": "pa|pascal|帕",
    "kPa": "kpa|kilopascal|千帕",
    "MPa": "mpa|megapascal|兆帕",
    "psi": "psi",
    "Wh": "wh|watt hours|watt hour|watt-hours|瓦时",
    "kWh": "kwh|kilowatt hours|kilowatt hour|kilowatt-hours|千瓦时",
    "W": "watt|watts|瓦|瓦特",
    "kW": "kw|kilowatt|kilowatts|千瓦",
    "Hz": "hz|hertz|赫兹",
    "%": "%|percent|per cent|％",
}


_GOOD_RATE: Final = (
    "quality rate|yield|yield rate|first pass yield|pass rate|good rate|share of good welds|合格率|良品率|良率"
    "|优良率|成品率|通过率"
)
_BAD_RATE: Final = (
    "defect rate|defect share|reject rate|rejection rate|scrap rate|failure rate|error rate|不良率|次品率"
    "|废品率|不合格率|缺陷率|报废率"
)
NO_LABEL: Final = (
    "no label|no quality label|without a label|without a quality label|without label|without quality label"
    "|unlabelled|unlabeled|not labelled|not labeled|missing label|missing quality label|missing labels"
    "|no quality|lack a label|lack a quality label|lacks a label|empty label|empty quality label|没有标签"
    "|没有质量标签|无标签|无质量标签|未标注|没标签|没有标注|缺标签|缺少标签|标签为空|质量标签为空|没打标签"
    "|没有质量标记"
)
"""What says that a label is missing."""


def add_data_words(lexicon: Lexicon) -> None:
    """Add the words for what is measured and computed to `lexicon`."""

    def add(kind: Kind, value: object, phrases: str) -> None:
        lexicon.add(kind, value, phrases.split("|"))

    for statistic, names in STATISTICS.items():
        add(Kind.STATISTIC, statistic, names)
    for name, names in FIELDS.items():
        add(Kind.FIELD, name, names)
    for label, names in _LABELS.items():
        add(Kind.LABEL, label, names)
    add(Kind.NO_LABEL, None, NO_LABEL)
    add(Kind.QUALITY_RATE, GOOD, _GOOD_RATE)
    add(Kind.QUALITY_RATE, "", _BAD_RATE)
    add(Kind.BEST, True, "best|better|最好|更好|最佳|最优|好一些")
    add(Kind.BEST, False, "worst|worse|最差|更差|最糟|差一些|最烂")
    add(
        Kind.NON_ZERO,
        None,
        "non-zero|non zero|nonzero|not zero|other than zero"
        "|ignore zeros|ignoring zeros|ignore zero|excluding zeros|without zeros|without the zeros|ignore the zeros"
        "|leaving out zeros|not counting zeros|skip zeros"
        "|不算零|不算0|去掉零值|去掉零|除去零|忽略零|排除零值|不含零"
        "|非零|非0|不为零|不为0|不等于零|大于零",
    )
    for more, names in _COMPARATIVES.items():
        add(Kind.MORE, more, names)
    for operator, names in _OPERATORS.items():
        add(Kind.OPERATOR, operator, names)
    for operator, names in _SUFFIXES.items():
        add(Kind.SUFFIX, operator, names)
    for unit, names in _UNITS.items():
        add(Kind.UNIT, unit, names)
    add(
        Kind.WHERE,
        None,
        "where|when|while|whenever|with|if|for which|in which|that have|having|that are|during which|whose"
        "|as long as|其中|当|如果|且满足|满足|只看|只算|条件是|条件为|时|的时候|期间",
    )
    add(
        Kind.NOT,
        None,
        "not|isn't|isn’t|isnt|wasn't|wasn’t|aren't|aren’t|weren't|weren’t|don't|don’t|doesn't|doesn’t|didn't"
        "|didn’t|hasn't|hasn’t|haven't|haven’t|never|no|neither|nor|non|不是|并非|没有|没|未|不|从未|从不|从没"
        "|从来没有|从来没|not once|never ever|并没有|并没|并未|并不|没有被|没被|未被|不曾|未曾|没能|未能"
        "|not even once|not a single time|at no time|没有一次|一次都没|一次也没|一次都没有|一次也没有",
    )
    add(Kind.AND, None, "and|&|&&|+|as well as|plus|,|并且|而且|且|和|与|及|以及|、|还有|跟|同")
    add(Kind.OR, None, "or|either|或|或者|还是")
    add(
        Kind.PERCENTILE,
        None,
        "percentile|percentiles|quantile|quantiles|th percentile|百分位|百分位数|百分位值|分位|分位数|分位点|分位值",
    )
    add(Kind.PERCENTILE, 25.0, "first quartile|lower quartile|q1|下四分位数|第一四分位数")
    add(Kind.PERCENTILE, 75.0, "third quartile|upper quartile|q3|上四分位数|第三四分位数")
    add(
        Kind.CORRELATION,
        None,
        "correlation|correlations|correlated|correlate|correlates|correlation coefficient|pearson|related"
        "|relationship|relation|相关|相关性|相关系数|关联|关系"
        "|有关系|有没有关系|有关联|有关",
    )
    add(
        Kind.SHARE,
        None,
        "percentage|share|fraction|proportion|ratio|what percent|how many percent|how many percent of"
        "|what percentage|percent of|% of|占比|比例|百分比"
        "|百分之多少|百分之几|占多少|比率|率",
    )
