"""Stretches: times in which a text field, such as a quality or a state, does not say what it usually says.

They need no statistics of windows, and are what somebody who keeps a machine going wants to know first. A value is
usual when a quarter of the rows have it; a field without a value that half of the rows have is no state but a name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from feature_service.domain.anomaly.level import FieldShift, field_shifts
from feature_service.domain.model.array import BoolArray, IndexArray, TextArray
from feature_service.domain.model.frame import Frame
from feature_service.domain.model.span import Span
from feature_service.domain.model.statistic import ValueCount

BESIDE: Final = 3_600_000_000
"""How far from a stretch (microseconds) the rows may lie that it is compared with."""
MOST_VALUES: Final = 12
MOST_STRETCHES: Final = 100
_USUAL_SHARE: Final = 0.25
_MAIN_SHARE: Final = 0.5
_LEAST_ROWS: Final = 3
# A silence that long ends a stretch, though the field says the same behind it.
_SILENCE: Final = 300_000_000
# What comes more often is a way of working; only what lasts this many times as long as it usually does is not.
_ROUTINE: Final = 10
_TIMES_LONGER: Final = 5
_LEAST_BESIDE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From `start` to `end` (microseconds, exclusive) the text `field` said `value`, usually it says `usual`.

    `shifts` are the fields that were at another level than in the usual time beside it.
    """

    start: int
    end: int
    rows: int
    field: str
    value: str
    usual: str
    shifts: tuple[FieldShift, ...] = ()

    def in_units(self, units: Mapping[str, str]) -> "Stretch":
        """Return it with the units of the fields."""
        return replace(self, shifts=tuple(replace(each, unit=units.get(each.field, "")) for each in self.shifts))


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualState:
    """What a text field says most, and everything else that is as usual."""

    main: str
    usual: frozenset[str]


def usual_states(counts: Sequence[ValueCount]) -> dict[str, UsualState]:
    """Return what is usual for each text field of few values one of which half of the rows have."""
    by_field: dict[str, dict[str, int]] = {}
    for each in counts:
        if each.value:
            by_field.setdefault(each.field, {})[each.value] = each.count
    found: dict[str, UsualState] = {}
    for name, values in by_field.items():
        total, main = sum(values.values()), max(values, key=values.__getitem__)
        if 1 < len(values) <= MOST_VALUES and values[main] >= _MAIN_SHARE * total:
            usual = frozenset(value for value, count in values.items() if count >= _USUAL_SHARE * total)
            found[name] = UsualState(main=main, usual=usual)
    return found


def find_stretches(
    frame: Frame, states: Mapping[str, UsualState], fields: Sequence[str], span: Span
) -> tuple[Stretch, ...]:
    """Return the stretches of `span` in the order of time, the longest hundred; `frame` may have the hour beside it.

    `fields` are the number fields that are compared.
    """
    if len(frame) < _LEAST_ROWS:
        return ()
    found = [each for name, state in states.items() for each in _of_field(frame, name, state, fields, span)]
    found.sort(key=lambda each: each.start - each.end)
    return tuple(sorted(found[:MOST_STRETCHES], key=lambda each: (each.start, each.field)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Rows from `first` to `last` in which a text field said `value` wherever it said something."""

    first: int
    last: int
    value: str


def _of_field(frame: Frame, name: str, state: UsualState, fields: Sequence[str], span: Span) -> Iterator[Stretch]:
    texts, times = frame.texts[name], frame.timestamps.astype("int64")
    distance = int(np.median(np.diff(times)))
    as_usual = texts == state.main
    runs = [run for run in _runs(texts, times, distance) if run.value not in state.usual]
    for run in _remarkable(runs, times):
        start, end = _within(times, run, distance, span)
        if start < end:
            shifts = _shifts(frame, times, as_usual, run, fields)
            yield Stretch(
                start=start,
                end=end,
                rows=int(np.count_nonzero(texts[run.first : run.last + 1] == run.value)),
                field=name,
                value=run.value,
                usual=state.main,
                shifts=tuple(shifts),
            )


def _runs(texts: TextArray, times: IndexArray, distance: int) -> list[_Run]:
    said = np.flatnonzero(np.array([bool(text) for text in texts], dtype=np.bool_))
    if len(said) == 0:
        return []
    values = texts[said]
    ends = (values[1:] != values[:-1]) | (np.diff(times[said]) > max(_SILENCE, 3 * distance))
    firsts = np.r_[0, np.flatnonzero(ends) + 1]
    lasts = np.r_[firsts[1:] - 1, len(said) - 1]
    return [
        _Run(first=int(said[first]), last=int(said[last]), value=str(values[first]))
        for first, last in zip(firsts, lasts, strict=True)
        if last - first + 1 >= _LEAST_ROWS
    ]


def _remarkable(runs: Sequence[_Run], times: IndexArray) -> list[_Run]:
    """The runs but those of a value that comes and goes all the time."""
    lengths: dict[str, list[int]] = {}
    for run in runs:
        lengths.setdefault(run.value, []).append(int(times[run.last] - times[run.first]))
    least = {
        value: _TIMES_LONGER * float(np.median(each)) if len(each) > _ROUTINE else 0.0
        for value, each in lengths.items()
    }
    return [run for run in runs if times[run.last] - times[run.first] >= least[run.value]]


def _within(times: IndexArray, run: _Run, distance: int, span: Span) -> tuple[int, int]:
    """When the run begins and ends in the span: a row lasts until the next one, as rows usually do at most."""
    last = int(times[run.last])
    end = last + distance if run.last + 1 == len(times) else min(last + distance, int(times[run.last + 1]))
    start = int(times[run.first])
    return (
        start if span.start is None else max(start, span.start),
        end if span.end is None else min(end, span.end),
    )


def _shifts(
    frame: Frame, times: IndexArray, as_usual: BoolArray, run: _Run, fields: Sequence[str]
) -> Sequence[FieldShift]:
    """The fields at another level than right before or after, whichever is more alike: a job may change between."""
    rows = max(run.last - run.first + 1, _LEAST_BESIDE)
    before = np.flatnonzero(as_usual[: run.first])[-rows:]
    after = np.flatnonzero(as_usual[run.last + 1 :])[:rows] + run.last + 1
    before = before[times[before] >= times[run.first] - BESIDE]
    after = after[times[after] <= times[run.last] + BESIDE]
    here = frame.cut(slice(run.first, run.last + 1)).numbers
    sides = [
        field_shifts(here, {name: frame.numbers[name][side] for name in fields}, fields)
        for side in (before, after)
        if len(side) >= max(rows // 4, _LEAST_BESIDE)
    ]
    return min(sides, key=lambda side: sum(shift.share for shift in side), default=())
