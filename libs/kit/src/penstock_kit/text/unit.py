"""Units of measure: every way of writing one is one name."""

from typing import Final

# Each line: the unit's name, then how else it is written. Those before the bar are units beside a number only.
_UNITS: Final = """
m metre meter |metres meters
km |kilometre kilometres kilometer kilometers
cm |centimetre centimetres centimeter centimeters
mm |millimetre millimetres millimeter millimeters
mile |miles mi
foot ft |feet
inch in |inches
yard yd |yards
kg |kilogram kilograms kilo kilos
g gram |grams
mg |milligram milligrams
t ton tonne |tons tonnes
lb pound |lbs
ounce oz |ounces
celsius c °c |centigrade
fahrenheit f °f |
kelvin k |
bar |
mbar |millibar
psi |
pa pascal |pascals
kpa |kilopascal kilopascals
mpa |megapascal
v volt |volts
mv |millivolt millivolts
kv |kilovolt kilovolts
a amp ampere |amps amperes
ma |milliamp milliamps
w watt |watts
kw |kilowatt kilowatts
mw |megawatt
kwh |kilowatt-hours
hz hertz |
khz |kilohertz
mhz |megahertz
rpm |
n newton |newtons
nm |
j joule |joules
ohm |ohms
l litre liter |litres liters
ml |millilitre millilitres milliliter
s sec second |seconds secs
ms |millisecond milliseconds
minute min |minutes mins
h hour hr |hours hrs
d day |days
week |weeks
month |months
year yr |years
b byte |bytes
kb |kilobyte kilobytes
mb |megabyte megabytes
gb |gigabyte gigabytes
tb |terabyte terabytes
percent % |percentage pct
dollar usd $ |dollars
euro eur € |euros
yuan rmb cny |
word |words
line |lines
"""


def _read() -> tuple[dict[str, str], dict[str, str]]:
    beside: dict[str, str] = {}
    alone: dict[str, str] = {}
    for line in _UNITS.strip().splitlines():
        dependent, _, free = line.partition("|")
        name = dependent.split()[0]
        beside |= dict.fromkeys((*dependent.split(), *free.split()), name)
        alone |= dict.fromkeys(free.split(), name)
    for name in ("celsius", "fahrenheit", "kelvin", "psi", "kpa", "rpm", "km", "kg"):
        alone[name] = name
    return beside, alone


UNITS_AFTER_NUMBERS, UNITS_ALONE = _read()
"""What is a unit after a number, and what is one wherever it stands."""

CHINESE_UNITS: Final = {
    "公里": "km",
    "千米": "km",
    "厘米": "cm",
    "毫米": "mm",
    "英里": "mile",
    "英尺": "foot",
    "英寸": "inch",
    "千克": "kg",
    "公斤": "kg",
    "克": "g",
    "毫克": "mg",
    "吨": "t",
    "磅": "lb",
    "摄氏度": "celsius",
    "华氏度": "fahrenheit",
    "开尔文": "kelvin",
    "巴": "bar",
    "帕": "pa",
    "千帕": "kpa",
    "兆帕": "mpa",
    "伏": "v",
    "伏特": "v",
    "毫伏": "mv",
    "安": "a",
    "安培": "a",
    "毫安": "ma",
    "瓦": "w",
    "千瓦": "kw",
    "赫兹": "hz",
    "转": "rpm",
    "欧姆": "ohm",
    "升": "l",
    "毫升": "ml",
    "秒": "s",
    "秒钟": "s",
    "毫秒": "ms",
    "分钟": "minute",
    "小时": "h",
    "个小时": "h",
    "天": "d",
    "周": "week",
    "个月": "month",
    "年": "year",
    "字节": "b",
    "百分之": "percent",
    "美元": "dollar",
    "欧元": "euro",
    "元": "yuan",
    "字": "word",
    "米": "m",
    "行": "line",
}
