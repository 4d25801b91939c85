"""The phrases of a report about devices, and about what can't be answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llm_service.domain.offline.phrases_states import StateWording, Stretch
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import DeviceCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """When a device first passed a limit: `first` is the first reading beyond it ("" for none), `lasting` what lasted.

    They are `single` readings where none lasted; some came `earlier` than what lasted. It may have begun `before` the
    range.
    """

    device: str
    first: str
    lasting: Stretch | None
    single: bool
    earlier: bool
    before: bool


class DeviceWording(StateWording, Protocol):
    """What is said of devices, and of what can't be answered."""

    def unconfigured(self) -> str:
        """Say that no model is configured, how to configure one, and what works without."""
        ...

    def crossing_head(self, where: tuple[str, str], first: str, time: str, count: tuple[int, int]) -> str:
        """Say which device first fitted a condition in a range (`where`), and how many did of all ("" for none)."""
        ...

    def crossing(self, told: Crossing) -> str:
        """Say when a device first passed the limit."""
        ...

    def thanked(self) -> str:
        """Answer thanks."""
        ...

    def farewell(self) -> str:
        """Say goodbye."""
        ...

    def at_service(self) -> str:
        """Answer what is said in passing."""
        ...

    def clock(self, time: str) -> str:
        """Tell what time it is here, and that readings have the times they came with."""
        ...

    def not_of_devices(self) -> str:
        """Say that nothing that can be answered was asked."""
        ...

    def examples(self) -> str:
        """Say what can be asked, where it was said before that no model is configured."""
        ...

    def no_reason(self, *, lately: bool) -> str:
        """Say that readings hold no reasons, before what stood out: `lately`, or in the time that was asked of."""
        ...

    def as_before(self, question: str) -> str:
        """Say that nothing further of the question was understood than what was answered before."""
        ...

    def once_more(self) -> str:
        """Say that what was doubted was computed once more."""
        ...

    def not_tabled(self, words: str) -> str:
        """Say that it is told as text, and what comes as a table."""
        ...

    def of_told(self) -> str:
        """Open lines of what was told before."""
        ...

    def models_failed(self) -> str:
        """Say that the configured models could not answer just now."""
        ...

    def omitted(self, characters: int) -> str:
        """Say that so many characters of the question were too many to be read."""
        ...

    def no_tools(self) -> str:
        """Say that a device is asked for and no tool to look is there."""
        ...

    def too_many_calls(self, made: int) -> str:
        """Say that an answer would take more calls of tools than the `made` ones, after which no more may be made."""
        ...

    def tool_failed(self, tool: str, message: str) -> str:
        """Pass on what the tool said was wrong."""
        ...

    def which_device(self, codes: Sequence[str]) -> str:
        """Ask back for the device, naming those there are."""
        ...

    def unknown_devices(self, codes: Sequence[str], existing: Sequence[str]) -> str:
        """Say that there are no such devices, and which there are."""
        ...

    def unknown_fields(self, device: str, fields: Sequence[str], existing: Sequence[str]) -> str:
        """Say that the device has no such fields, and which it has."""
        ...

    def no_field(self, device: str, field: str) -> str:
        """Say that the device has no such field, beside what is answered without it."""
        ...

    def partly(self, devices: str, since: str, until: str) -> str:
        """Say of which part of the range there are readings; `since`, `until` are "" where it is from or to its end."""
        ...

    def no_data(self, device: str, time: TimeRange | None, extent: TimeRange | None) -> str:
        """Say that there is nothing in the range, and which range the data covers."""
        ...

    def device_list(self, cards: Sequence[DeviceCard], count: int) -> str:
        """List the first of `count` devices with their fields."""
        ...

    def cannot(self, words: str) -> str:
        """Say that what was asked can't be done, and what can."""
        ...

    def identity(self) -> str:
        """Say who answers."""
        ...

    def absent(self, words: str) -> str:
        """Say that what was asked is not in the data."""
        ...

    def no_price(self, words: str) -> str:
        """Say that costs are not in the data, and how a price is named that they are told by."""
        ...

    def to_come(self, words: str) -> str:
        """Say that nothing is predicted."""
        ...

    def no_pieces(self, words: str) -> str:
        """Say that the readings tell no single parts, so that none can be counted."""
        ...

    def cannot_part(self, words: str) -> str:
        """Say that a part of the question can't be answered."""
        ...

    def unread(self, phrases: Sequence[str]) -> str:
        """Name the words that were not understood and left out."""
        ...

    def negated(self, words: str) -> str:
        """Say that no number is given, for what was not understood turns it round."""
        ...

    def left_out(self, what: Sequence[str]) -> str:
        """Name what was understood and could not be heeded in this answer."""
        ...

    def read_as(self, written: str, taken: str) -> str:
        """Say for what a word in another spelling was taken."""
        ...

    def not_measured(self, devices: str, fields: str) -> str:
        """Say which devices were left out, as they lack what was asked about."""
        ...

    def not_converted(self, unit: str, into: str) -> str:
        """Say that values can't be given in the unit asked for."""
        ...

    def did_you_mean(self, codes: Sequence[str]) -> str:
        """Ask whether one of these was meant."""
        ...
