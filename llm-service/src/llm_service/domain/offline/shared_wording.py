"""What the phrases of both languages share: a condition, a length of time, the names of parts."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from llm_service.domain.offline.number_text import number
from llm_service.domain.offline.query import Condition, Statistic
from llm_service.domain.offline.shown_zone import IN_UTC, ShownZone

_UNITS = {"s": 1, "min": 60, "h": 3_600}
_SIZES = (604_800, 86_400, 3_600, 60, 1)


class SharedWording:
    """Phrases that differ between languages by their words alone."""

    statistics: ClassVar[Mapping[Statistic, str]]
    slots: ClassVar[Mapping[str, str]]
    # Singular and plural of week, day, hour, minute and second.
    lengths: ClassVar[Sequence[tuple[str, str]]]
    # What stands before a width that begins with a number.
    leading: ClassVar[str] = ""
    # What stands around what is said once more in other words.
    brackets: ClassVar[tuple[str, str]] = (" (", ")")

    def __init__(self, times: ShownZone = IN_UTC) -> None:
        self._times = times

    @property
    def times(self) -> ShownZone:
        """The zone of the times told."""
        return self._times

    def statistic(self, statistic: Statistic) -> str:
        """Name a statistic."""
        return self.statistics[statistic]

    def slot(self, name: str) -> str:
        """Name a part of a question."""
        return self.slots[name]

    def condition(self, condition: Condition) -> str:
        """Name a condition."""
        value = condition.value if isinstance(condition.value, str) else number(condition.value)
        unit = f" {condition.unit}" if condition.unit else ""
        return f"{condition.field} {condition.operator.value} {value}{unit}"

    def interval(self, length: timedelta) -> str:
        """Name a width, the unit alone for one of it."""
        seconds = int(length.total_seconds())
        size, names = next(
            (size, names)
            for size, names in zip(_SIZES, self.lengths, strict=True)
            if (seconds >= size and seconds % size == 0) or size == 1
        )
        return names[0] if seconds == size and size > 1 else f"{self.leading}{seconds // size} {names[1]}"

    def length_in(self, seconds: float, unit: str) -> str:
        """Name a length of time in "s", "min" or "h", and in its own units beside it."""
        told = self.length(seconds)
        if unit not in _UNITS:
            return told
        size = _UNITS[unit]
        value = number(round(seconds, 3) if size == 1 else seconds / size, 6)
        text = f"{value} {self.lengths[_SIZES.index(size)][value != '1']}"
        return text if text == told else f"{text}{self.brackets[0]}{told}{self.brackets[1]}"

    def length(self, seconds: float) -> str:
        """Name a length of time in its two largest units from days on."""
        if seconds < 60:
            value = number(seconds, 3)
            return f"{value} {self.lengths[-1][value != '1']}"
        left, parts = round(seconds), list[str]()
        for size, names in zip(_SIZES[1:], self.lengths[1:], strict=True):
            count, left = divmod(left, size)
            if count:
                parts.append(f"{count} {names[count != 1]}")
            elif parts:
                break
        return " ".join(parts[:2])

    def of_period(self, text: str, period: str) -> str:
        """Say of which range of time a sentence is."""
        return f"{text}{self.brackets[0]}{period.strip()}{self.brackets[1]}"
