"""What an answer told, read from its text: the order of a ranking, the moment, the lines of a list with their times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from llm_service.domain.offline.query import TimeRange

# Characters and lines of an answer that are looked at.
_LONGEST: Final = 20_000
_MOST_LINES: Final = 400
_STAMP: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_SINGLE: Final = re.compile(_STAMP)
_RANGE: Final = re.compile(f"({_STAMP}) (?:to|至) ({_STAMP})")
_SCORE: Final = re.compile(r"(?:score |得分 )([0-9]+(?:\.[0-9]+)?)")
# What the extreme is without single readings that lie far from the rest.
_WITHOUT: Final = re.compile(rf"(?:without readings beyond|不计超出)[^()（）\n]{{0,80}}[(（]({_STAMP})")
# A time that a range begins with is no moment.
_BEGINNING: Final = ("since ", "from ", "自 ")
_HAN_BEGINNING: Final = ("在 ", "自 ")
_MORE: Final = ("- … and ", "- ……另有 ")
# Characters beside a time that tell what it is.
_NEAR: Final = 20
_PARTED: Final = re.compile(r"[\s,，。:：;；()（）]+")
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldLine:
    """A line of a list that tells of a time; `device` is "" where it is not said of which."""

    text: str
    device: str
    time: TimeRange
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAnswer:
    """The text of an answer, in the zone in which it tells times."""

    text: str
    zone: tzinfo

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The parts of the text."""
        return tuple(self.text[:_LONGEST].split("\n\n"))

    def ranked(self) -> tuple[str, ...]:
        """Return what a ranking has, the first at the head; nothing without exactly one ranking."""
        found: list[str] = []
        for line in self.text[:_LONGEST].split("\n")[:_MOST_LINES]:
            place, _, rest = line.partition(". ")
            if not place.isdecimal() or len(place) > 3 or ": " not in rest:
                continue
            if int(place) != len(found) + 1:
                return ()
            found.append(rest.partition(": ")[0])
        return tuple(found)

    def lines(self, codes: Sequence[str]) -> tuple[ToldLine, ...]:
        """Return the lines that tell of a stretch of time; `codes` are the devices there are."""
        found: list[ToldLine] = []
        known = frozenset(codes)
        device = ""
        for line in self.text[:_LONGEST].split("\n")[:_MOST_LINES]:
            if not line.startswith("- "):
                device = next((word for word in _words(line) if word in known), device)
                continue
            told = _RANGE.search(line)
            if told is None:
                continue
            score = _SCORE.search(line)
            time = TimeRange(start=self._time(told[1]), end=self._time(told[2]))
            value = float(score[1]) if score else None
            found.append(ToldLine(text=line, device=device, time=time, score=value))
        return tuple(found)

    def named(self, codes: Sequence[str]) -> tuple[str, ...]:
        """Return those of `codes` that the first line names."""
        known = frozenset(codes)
        words = _words(self.text[:_LONGEST].partition("\n")[0])
        return tuple(dict.fromkeys(word for word in words if word in known))

    @property
    def cut(self) -> bool:
        """Whether a list has more than its lines tell."""
        return any(line.startswith(_MORE) for line in self.text[:_LONGEST].split("\n"))

    def moment(self, *, first: bool) -> TimeRange | None:
        """Return the moment that was told, or the one stretch; `first` takes the first of several."""
        stretches = [line.time for line in self.lines(())]
        if len(stretches) == 1:
            return stretches[0]
        if stretches:
            return None
        if sound := _WITHOUT.search(self.text[:_LONGEST]):
            return self._moment(sound[1])
        for paragraph in self.paragraphs:
            told = list(dict.fromkeys(_moments(paragraph)))
            if told:
                return self._moment(told[0]) if first or len(told) == 1 else None
        return None

    def _moment(self, stamp: str) -> TimeRange:
        start = self._time(stamp)
        return TimeRange(start=start, end=start + _SECOND, instant=True)

    def _time(self, stamp: str) -> datetime:
        layout = "%Y-%m-%d %H:%M:%S" if stamp.count(":") > 1 else "%Y-%m-%d %H:%M"
        return datetime.strptime(stamp, layout).replace(tzinfo=self.zone)


def _words(line: str) -> list[str]:
    """The words of a line, without the full stop behind one."""
    return [word.rstrip(".") for word in _PARTED.split(line)]


def _moments(text: str) -> list[str]:
    """The times in `text` that are no ends of ranges."""
    text = _RANGE.sub("", text)
    found: list[str] = []
    for each in _SINGLE.finditer(text):
        before, behind = text[max(each.start() - _NEAR, 0) : each.start()], text[each.end() : each.end() + _NEAR]
        begins = before.endswith(_BEGINNING) or (before.endswith(_HAN_BEGINNING) and "以来" in behind)
        if not begins:
            found.append(each[0])
    return found
