"""What the rules found in a question, and the query it comes to."""

from dataclasses import dataclass, field
from datetime import timedelta

from llm_service.domain.offline.device import FoundDevices
from llm_service.domain.offline.measure import FoundInterval, FoundRows
from llm_service.domain.offline.query import (
    Condition,
    Intent,
    Judged,
    Note,
    Statistic,
)
from llm_service.domain.offline.spell import FoundSpells
from llm_service.domain.offline.time_range import FoundTime


@dataclass(slots=True, kw_only=True)
class Topic:
    """What is asked about: fields, statistics and the kind of answer.

    `named` is the intent a word named. `speaks` says that there is a word for a device, `listing` that one is
    listed or counted, `which` that a device is asked for, `cause` what can't be done, `leads` that it stands first,
    `asks` that it is a question for yes or no, `since` that the begin of a state is asked for, `holds` whether the
    conditions hold at a moment.
    """

    fields: tuple[str, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    named: Intent | None = None
    speaks: bool = False
    listing: bool = False
    which: bool = False
    lowest: bool = False
    refused: str = ""
    follows: bool = False
    notes: tuple[Note, ...] = ()
    whether: bool = False
    asks_unit: bool = False
    recent: bool = False
    counted_as: tuple[str, ...] = ()
    once: bool = False
    since: bool = False
    holds: bool = False
    versus: str = ""
    asks: bool = False
    each: bool = False
    robust: bool = False
    counts_devices: bool = False
    spread: bool = False
    uses: bool = False
    lists: bool = False
    first: bool = False
    common: bool = False
    varies: bool = False
    falls: bool = False
    beyond: str = ""
    always: bool = False
    averaged: bool = False
    of_them: bool = False


@dataclass(slots=True, kw_only=True)
class Reading:
    """What each rule found, filled in one after the other."""

    notes: tuple[Note, ...] = ()
    model_code: str = ""
    window_size: int = 0
    window_length: timedelta | None = None
    percentiles: tuple[float, ...] = ()
    rows: FoundRows | None = None
    interval: FoundInterval | None = None
    conditions: tuple[Condition, ...] = ()
    times: FoundTime = field(default_factory=FoundTime)
    devices: FoundDevices = field(default_factory=FoundDevices)
    when: bool = False
    unit: str = ""
    decimals: int | None = None
    any_condition: bool = False
    spells: FoundSpells = field(default_factory=FoundSpells)
    state: bool = False
    top: int = 0
    judged: Judged | None = None
    by_label: bool = False
    none: bool = False
    negation: str = ""
    same_time: bool = False
    at_once: bool = False
    narrows: bool = False
    adds: bool = False
    latest: int = 0
    owner: str = ""
    counted_width: timedelta | None = None
    again: Statistic | None = None
    topic: Topic = field(default_factory=Topic)

    @property
    def measures(self) -> bool:
        """Whether anything is to be computed."""
        topic = self.topic
        return bool(
            topic.fields
            or topic.statistics
            or self.conditions
            or self.percentiles
            or self.interval
            or self.rows
            or self.unit
            or self.judged
        )
