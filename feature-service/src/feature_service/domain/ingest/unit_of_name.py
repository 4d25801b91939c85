"""The unit that the name of a column says: ``temp [°C]``, ``Pressure (bar)``."""

import re
from typing import Final

from penstock_kit.text.control import steers

# Characters of a unit.
_LONGEST: Final = 24
_NUMBER: Final = re.compile(r"[0-9.,:\s-]*")
# Round brackets hold remarks as well ("speed (avg)"): only what is a unit there is one.
_PREFIXED: Final = (
    *("A", "V", "W", "Wh", "VA", "var", "Hz", "Pa", "m", "g"),
    *("s", "bar", "N", "J", "L", "l", "Ω", "F", "H", "B"),
)
_PREFIXES: Final = ("", "n", "µ", "μ", "m", "c", "d", "h", "k", "M", "G")
_OTHERS: Final = (
    *("%", "‰", "ppm", "ppb", "°", "deg", "rad", "°C", "℃", "°F", "℉", "degC", "degF", "K", "C", "F"),
    *("min", "h", "d", "rpm", "r/min", "1/min", "U/min", "1/s", "psi", "mmHg", "dB", "dBm", "dB(A)", "lx", "lm", "cd"),
    *("m/s", "mm/s", "km/h", "mph", "m/min", "mm/min", "m/s²", "m/s2", "m/s^2", "g", "t", "ft", "in", "gal", "lb"),
    *("m²", "m2", "m^2", "m³", "m3", "m^3", "m³/h", "m3/h", "m³/s", "L/min", "l/min", "L/h", "l/h", "mL/min", "kg/h"),
    *("Nm", "N·m", "kg/m³", "kg/m3", "g/L", "mg/L", "mg/l", "µS/cm", "mS/cm", "pH", "Ah", "mAh", "W/m²", "W/m2", "Ohm"),
    *("安", "伏", "瓦", "千瓦", "度", "摄氏度", "毫米", "米", "秒", "分钟", "小时", "转/分", "帕", "兆帕", "赫兹"),
)
_UNITS: Final = frozenset(_OTHERS) | {prefix + unit for prefix in _PREFIXES for unit in _PREFIXED}


def unit_of_name(name: str) -> str:
    """Return the unit at the end of a column's name, empty without one.

    Any text in square brackets is one, unless it is a number (``sensor[0]``) or has a character that steers a terminal
    or the direction of reading, as no unit that somebody sets may; in round ones only a unit that is known.
    """
    # No expression looks for them: a name is as long as its sender likes, and one would try all places for each space.
    name = name.rstrip()
    if name.endswith("]"):
        unit = _last_inside(name, "[]")
        return "" if _NUMBER.fullmatch(unit) or any(map(steers, unit)) else unit
    unit = _last_inside(name, "()（）") if name.endswith((")", "）")) else ""
    return unit if unit in _UNITS else ""


def _last_inside(name: str, brackets: str) -> str:
    """Return what the last brackets hold, empty where that is too long, holds others, or nothing stands before them."""
    begin = max(name.rfind(bracket) for bracket in brackets[::2])
    inside = name[begin + 1 : -1].strip()
    is_unit = len(inside) <= _LONGEST and not any(bracket in inside for bracket in brackets)
    return inside if begin > 0 and is_unit and name[:begin].strip() else ""
