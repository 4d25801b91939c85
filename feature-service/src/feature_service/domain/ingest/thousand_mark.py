"""Marks that may part thousands or begin decimals, told by all the columns of a text table together."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

COMMA_IN_DOUBT: Final = "?"
"""Of a column: 1,234 may be one thousand."""

POINT_IN_DOUBT: Final = "?."
"""Of a column: 1.234 may be one thousand."""

_COMMA_DECIMAL: Final = re.compile(
    r"[+-]?(\d*,(\d{1,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?", re.ASCII
).fullmatch
_POINT_DECIMAL: Final = re.compile(
    r"[+-]?(\d*\.(\d{1,2}|\d{4,})|0\.\d+|\d{1,3}(,\d{3})+\.\d+)([eE][+-]?\d+)?", re.ASCII
).fullmatch
_COMMA_GROUPS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII).fullmatch
_MILLIONS_BY_POINT: Final = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3}){2,}", re.ASCII).fullmatch
_MILLIONS_BY_COMMA: Final = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3}){2,}", re.ASCII).fullmatch
_WHOLE_OR_POINT_GROUPS: Final = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)", re.ASCII).fullmatch


def marks_in_doubt(samples: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the columns whose points or commas can be read in two ways, by the cells of each.

    1.234 is a number with decimals where nothing speaks against it. Beside a column of decimal commas, and in a column
    with 1.234.567, it may as well be a thousand; and so for 1,234 beside decimal points.
    """
    commas = any(any(map(_COMMA_DECIMAL, cells)) for cells in samples.values())
    points = any(any(map(_POINT_DECIMAL, cells)) for cells in samples.values())
    found = {name: _mark(cells, commas=commas, points=points) for name, cells in samples.items()}
    return {name: mark for name, mark in found.items() if mark}


def _mark(cells: Sequence[str], *, commas: bool, points: bool) -> str:
    if any(map(_MILLIONS_BY_COMMA, cells)) or (points and _all_commas_group(cells)):
        return COMMA_IN_DOUBT
    if any(map(_MILLIONS_BY_POINT, cells)) or (commas and cells and all(map(_WHOLE_OR_POINT_GROUPS, cells))):
        return POINT_IN_DOUBT
    return ""


def _all_commas_group(cells: Sequence[str]) -> bool:
    with_comma = [cell for cell in cells if "," in cell]
    return bool(with_comma) and all(map(_COMMA_GROUPS, with_comma))
