"""Cells of a text format such as CSV: what is a number, with which decimal mark, and what is a text."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from feature_service.domain.ingest.cell import SAMPLE
from feature_service.domain.ingest.parsed_column import ParsedColumn
from feature_service.domain.ingest.thousand_mark import COMMA_IN_DOUBT, POINT_IN_DOUBT, marks_in_doubt
from feature_service.domain.ingest.timestamp_cell import shown
from feature_service.domain.model.series import FieldKind

if TYPE_CHECKING:
    from feature_service.domain.model.array import FloatArray

MISSING_NUMBERS: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
"""Texts (in any case) that mean a missing number. Only the empty one means a missing text."""

_FLAGS: Final = {"true": 1.0, "false": 0.0}
# Whole numbers that begin with 0 are codes (007, a postcode): as numbers they would lose their zeros.
_CODE: Final = re.compile(r"[+-]?0\d+", re.ASCII).fullmatch
_COMMA: Final = re.compile(r"[+-]?(\d*,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII).fullmatch
_POINT_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII).fullmatch
_COMMA_OR_WHOLE: Final = re.compile(r"[+-]?(\d+|\d*,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?", re.ASCII).fullmatch
_WHOLE: Final = re.compile(r"[+-]?\d+", re.ASCII).fullmatch
_JOINT: Final = "\x1f"


class TextCells:
    """Cells of a text format. `decimal` is ``.`` or ``,`` when it is known, else it is told by each field's cells.

    `comma_separates`: cells are separated by commas, so that 1,234 may as well be one thousand.
    """

    guesses = True

    def __init__(self, *, decimal: str = "", comma_separates: bool = True) -> None:
        self._given = decimal
        self._comma_separates = comma_separates
        self._decimals: dict[str, str] = {}
        self._compared = False

    def compare(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Look at the first rows of all columns: beside decimal commas 1.234 may be a thousand."""
        if self._given or self._compared or not any(map(len, columns.values())):
            return
        self._compared = True
        # What was parsed already has no comma, and matters only beside a column that has.
        unparsed = {name: _sample(cells) for name, cells in columns.items() if not _is_parsed(cells)}
        if any("," in cell or cell.count(".") > 1 for cells in unparsed.values() for cell in cells):
            parsed = {name: _sample(cells) for name, cells in columns.items() if name not in unparsed}
            self._decimals.update(marks_in_doubt({**unparsed, **parsed}))

    def column_kind(self, field: str, column: Sequence[str]) -> FieldKind | None:
        """Return the kind of most of the first values; TEXT as soon as one is a code such as 007."""
        sample = _sample(column)
        if not sample:
            return None
        if any(map(_CODE, sample)):
            return FieldKind.TEXT
        reader = self._reader(field, sample)
        numbers = sum(_reads(reader, cell) for cell in sample)
        return FieldKind.NUMBER if 2 * numbers >= len(sample) else FieldKind.TEXT

    def numbers(self, field: str) -> "PointNumbers | CommaNumbers":
        """Return how the field's numbers are written, as far as its cells have told."""
        return self._written(self._decimals.get(field, ""))

    def decimal(self, field: str) -> str:
        """Return the decimal mark that was found for the field."""
        return self._given or self._decimals.get(field, ".")

    def text(self, cell: str) -> str | None:
        """Return the cell as it is."""
        return cell or None

    def whole_number(self, cell: str) -> int | None:
        """Return the number of a cell that has nothing but digits and a sign."""
        text = cell.strip()
        return int(text) if _WHOLE(text) else None

    def _reader(self, field: str, sample: Sequence[str]) -> "PointNumbers | CommaNumbers":
        if field not in self._decimals and not self._given:
            self._decimals[field] = _decimal_of(sample, comma_separates=self._comma_separates)
        return self.numbers(field)

    def _written(self, decimal: str) -> "PointNumbers | CommaNumbers":
        if self._given:
            return _GIVEN[self._given]
        return _FOUND.get(decimal, _FOUND["."])


class PointNumbers:
    """Numbers with a decimal point."""

    def number(self, cell: str) -> float:
        """Return the number in the cell; true and false are 1 and 0."""
        text = cell.strip().lower()
        if text in MISSING_NUMBERS:
            return math.nan
        if text in _FLAGS:
            return _FLAGS[text]
        try:
            value = float(text)
        except ValueError:
            value = math.inf
        if "_" in text or not text.isascii() or not math.isfinite(value):
            raise ValueError(f"{shown(cell)} is not a number{_comma_hint(text)}")
        return value

    def plain_numbers(self, column: Sequence[str]) -> "Sequence[float] | FloatArray":
        """Return the floats; underscores and digits of other scripts, which Python takes, are not plain."""
        if (parsed := self.parsed_numbers(column)) is not None:
            return parsed
        joined = "".join(column)
        if "_" in joined or not joined.isascii():
            raise ValueError("not plain")
        return list(map(float, column))

    def parsed_numbers(self, column: Sequence[str]) -> "FloatArray | None":
        """Return the numbers of a parsed column, which have a decimal point."""
        return column.numbers if isinstance(column, ParsedColumn) else None


class CommaNumbers:
    """Numbers with a decimal comma; points may only group the thousands before one, as in 1.234,5.

    `is_sure`: somebody said that the comma is the decimal one, so that 1.234 is a thousand.
    """

    def __init__(self, *, is_sure: bool = False) -> None:
        self._is_sure = is_sure

    def number(self, cell: str) -> float:
        """Return the number in the cell; true and false are 1 and 0."""
        text = cell.strip().lower()
        if text in MISSING_NUMBERS:
            return math.nan
        if text in _FLAGS:
            return _FLAGS[text]
        if not _COMMA_OR_WHOLE(text) and not (self._is_sure and _POINT_GROUPED(text)):
            raise ValueError(f"{shown(cell)} is not a number with a decimal comma")
        value = float(text.replace(".", "").replace(",", "."))
        if not math.isfinite(value):
            raise ValueError(f"{shown(cell)} is not a finite number")
        return value

    def plain_numbers(self, column: Sequence[str]) -> Sequence[float]:
        """Return the floats of cells without points, underscores and digits of other scripts."""
        joined = _JOINT.join(column)
        parts = joined.replace(",", ".").split(_JOINT)
        if "_" in joined or "." in joined or not joined.isascii() or len(parts) != len(column):
            raise ValueError("not plain")
        return list(map(float, parts))

    def parsed_numbers(self, column: Sequence[str]) -> None:
        """Return None: what was parsed had a decimal point."""


class SurePointNumbers(PointNumbers):
    """Numbers of which somebody said that the point is the decimal one, so that 1,234 is a thousand."""

    def number(self, cell: str) -> float:
        """Return the number in the cell."""
        return super().number(cell.replace(",", "") if _GROUPED(cell.strip()) else cell)


class DoubtfulNumbers(PointNumbers):
    """Numbers such as 1,234 beside commas that separate cells: one thousand, or one and a bit."""

    def number(self, cell: str) -> float:
        """Return the number; raise ValueError for one that can be read in two ways."""
        if self.is_doubtful(cell):
            raise ValueError(
                f"{shown(cell)} may be a thousand or a decimal: say decimal=, or decimal=. for the whole body"
            )
        return super().number(cell)

    def is_doubtful(self, cell: str) -> bool:
        """Whether the cell can be read in two ways."""
        return _GROUPED(cell.strip()) is not None


class DoubtfulPointNumbers(DoubtfulNumbers):
    """Numbers such as 1.234 beside a column of decimal commas: one thousand, or one and a bit."""

    def is_doubtful(self, cell: str) -> bool:
        """Whether the cell can be read in two ways."""
        return _POINT_GROUPED(cell.strip()) is not None

    def plain_numbers(self, column: Sequence[str]) -> Sequence[float]:
        """Return the floats of cells without points, underscores and digits of other scripts."""
        joined = "".join(column)
        if "_" in joined or "." in joined or not joined.isascii():
            raise ValueError("not plain")
        return list(map(float, column))

    def parsed_numbers(self, column: Sequence[str]) -> None:
        """Return None: what was parsed had a decimal point."""


_GIVEN: Final = {".": SurePointNumbers(), ",": CommaNumbers(is_sure=True)}
_FOUND: Final = {
    ".": PointNumbers(),
    ",": CommaNumbers(),
    COMMA_IN_DOUBT: DoubtfulNumbers(),
    POINT_IN_DOUBT: DoubtfulPointNumbers(),
}


def _decimal_of(sample: Sequence[str], *, comma_separates: bool) -> str:
    """The decimal mark of most cells: in doubt when all that have a comma can be read in two ways."""
    commas = [cell for cell in sample if _COMMA(cell)]
    if 2 * sum(map(_is_number_with_comma, sample)) < len(sample) or not commas:
        return "."
    if len(commas) * 2 < sum("." in cell or "," in cell for cell in sample):
        return "."
    if comma_separates and all(map(_GROUPED, commas)):
        return COMMA_IN_DOUBT
    return ","


def _is_number_with_comma(cell: str) -> bool:
    return _COMMA_OR_WHOLE(cell) is not None


def _sample(column: Sequence[str]) -> list[str]:
    present = (text for cell in column if (text := cell.strip()) and text.lower() not in MISSING_NUMBERS)
    return list(islice(present, SAMPLE))


def _is_parsed(column: Sequence[str]) -> bool:
    return isinstance(column, ParsedColumn) and column.numbers is not None


def _reads(reader: PointNumbers | CommaNumbers, cell: str) -> bool:
    if isinstance(reader, DoubtfulNumbers) and reader.is_doubtful(cell):
        return True
    try:
        reader.number(cell)
    except ValueError:
        return False
    return True


def _comma_hint(text: str) -> str:
    return "; write decimals with a point, or say decimal=," if _COMMA(text) else ""
