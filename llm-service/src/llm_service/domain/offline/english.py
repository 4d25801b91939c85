"""The offline provider's phrases in English."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.english_events import EnglishEvents
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import DeviceCard

_COURSE: Final = {-1: "falls", 0: "stays about level", 1: "rises", 2: "goes up and down, with no clear direction"}


_OF: Final = frozenset({"standard deviation", "range", "variance", "number of readings", "sum", "missing ratio"})
_ENDS: Final = {True: "The last ", False: "The first ", None: ""}


class English(EnglishEvents):
    """Wording in English; see the port for what each phrase says."""

    def unconfigured(self) -> str:
        """Say how to configure a model."""
        return (
            "No language model is configured, so I can only answer questions about your devices, by fixed rules.\n\n"
            "To get a model, set the key of one provider in the environment (or in `.env`) and restart: "
            "`OPENAI_API_KEY`, `GEMINI_API_KEY`, `ANTHROPIC_API_KEY`, `QWEN_API_KEY`, `GLM_API_KEY` or "
            "`DEEPSEEK_API_KEY`. A local server that speaks the OpenAI protocol (vLLM, Ollama …) works with "
            "`OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODELS`.\n\n"
            "Without one you can ask, for example: “list devices”, “what was the mean temperature of WLD001 in the "
            "last hour?”, “compare WLD001 and WLD002 yesterday”."
        )

    def models_failed(self) -> str:
        """Say that models fail."""
        return (
            "The configured language models can't be reached at the moment, so I can only answer questions about your "
            "devices, by fixed rules. Please try again shortly."
        )

    def omitted(self, characters: int) -> str:
        """Say what was not read."""
        return (
            f"(Your message is long: I read its beginning and its end and left out {characters} characters. "
            "Ask in a short sentence if that missed the question.)"
        )

    def no_tools(self) -> str:
        """Say that no tool is there."""
        return (
            "This is a question about a device, but this request offers no tool that reads telemetry, and no language "
            "model is configured. Ask it in a Penstock conversation with `use_tools` on, or configure a model "
            "(for example `OPENAI_API_KEY`)."
        )

    def tool_failed(self, tool: str, message: str) -> str:
        """Pass on a tool's error."""
        return f"I could not answer that: the tool {tool} reported: {message}"

    def which_device(self, codes: Sequence[str]) -> str:
        """Ask for the device."""
        if not codes:
            return "No device is registered yet. Ingest data first: POST /api/v2/data/ingest with create=true."
        return f"Which device do you mean? There are: {', '.join(codes)}."

    def unknown_devices(self, codes: Sequence[str], existing: Sequence[str]) -> str:
        """Name what exists instead."""
        there = f"There are: {', '.join(existing)}." if existing else "No device is registered yet."
        return f"There is no device {' or '.join(codes)}. {there}"

    def unknown_fields(self, device: str, fields: Sequence[str], existing: Sequence[str]) -> str:
        """Name the fields there are."""
        has = f"It has: {', '.join(existing)}." if existing else "It has no numeric field."
        return f"{device} has no field {' or '.join(fields)}. {has}"

    def readings_counted(self, words: str) -> str:
        """Say what is counted."""
        return f"“{words}”: the readings that fit are counted, not how often that began."

    def no_field(self, device: str, field: str) -> str:
        """Name the field there is not."""
        return f"{device} has no field {field}, which is left out."

    def no_data(self, device: str, time: TimeRange | None, extent: TimeRange | None) -> str:
        """Name the range that holds data."""
        covers = f" Its data covers {self._from_to(extent)}." if extent else ""
        return f"{device} has no data {self.period(time)}.{covers}" if time else f"{device} has no data.{covers}"

    def device_list(self, cards: Sequence[DeviceCard], count: int) -> str:
        """List devices."""
        if not cards:
            return self.which_device(())
        head = "There is 1 device:" if count == 1 else f"There are {count} devices:"
        return "\n".join([head, *(self._card(card) for card in cards)])

    def _card(self, card: DeviceCard) -> str:
        kind = f" ({', '.join(filter(None, (card.device_type, card.model_code)))})" if card.device_type else ""
        fields = f": {', '.join(card.fields)}" if card.fields else ""
        extent = f"; data {self._from_to(card.extent)}" if card.extent else "; no data yet"
        return f"- {card.code}{kind}{fields}{extent}"

    def _from_to(self, time: TimeRange) -> str:
        assert time.start and time.end
        return f"from {self.times.stamp(time.start)} to {self.times.stamp(time.end)} {self.times.name}"

    def period(self, time: TimeRange | None) -> str:
        """Name a range."""
        if time is None or (time.start is None and time.end is None):
            return "over all its data"
        if day := self.times.whole_day(time):
            return f"on {day}" + (f" ({self.times.name})" if self.times.name != "UTC" else "")
        if time.start and time.end:
            return self._from_to(time)
        if time.start:
            return f"since {self.times.stamp(time.start)} {self.times.name}"
        return f"before {self.times.stamp(time.end)} {self.times.name}" if time.end else ""

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number."""
        return f"The {name} of {device} {period} is {value} ({count} readings)."

    def named(self, field: str, statistic: str) -> str:
        """Name a statistic of a field."""
        return f"{statistic} of {field}" if field and statistic in _OF else f"{statistic} {field}".rstrip()

    def row_count(self, device: str, period: str, count: int) -> str:
        """State the number of readings."""
        return f"{device} has {count} readings {period}."

    def statistics_head(self, device: str, period: str, count: int) -> str:
        """Open a list."""
        return f"{device} {period} ({count} readings):"

    def comparison_head(self, devices: Sequence[str], period: str) -> str:
        """Open a comparison."""
        return f"{' compared with '.join(devices)} {period}:"

    def difference(self, first: str, second: str, difference: str, percent: str) -> str:
        """State a difference."""
        share = f" ({percent} %)" if percent else ""
        return f"{second} − {first} = {difference}{share}"

    def steady(self, device: str, period: str) -> str:
        """Nothing extreme."""
        return (
            f"Nothing stands out on {device} {period}: no value lies more than 4 standard deviations from its mean, "
            "and no field misses more than 1 % of its values."
        )

    def anomalies_head(self, device: str, period: str) -> str:
        """Open the extremes."""
        return f"On {device} {period} this stands out (more than 4 standard deviations, or more than 1 % missing):"

    def extreme(self, field: str, value: str, sigmas: str, mean: str) -> str:
        """State an extreme."""
        return f"- {field}: {value} is {sigmas} standard deviations from the mean {mean}"

    def ordinary(self, device: str, period: str, windows: int, threshold: str) -> str:
        """Nothing stands out."""
        return f"Nothing stands out on {device} {period}: none of {windows} windows scores above {threshold}."

    def strange_head(self, device: str, period: str, count: int, windows: int, threshold: str) -> str:
        """Open the anomalies."""
        what = "1 time stands out" if count == 1 else f"{count} times stand out"
        return f"On {device} {period} {what} ({windows} windows compared with its baseline, limit {threshold}):"

    def compared_with(self, start: str, end: str) -> str:
        """Say which time anomalies were compared with."""
        return f"Compared with {start} to {end} {self.times.name}."

    def strange(self, start: str, end: str, score: str, shares: Sequence[tuple[str, str]]) -> str:
        """State an anomaly."""
        fields = ", ".join(f"{name} ({share} %)" for name, share in shares)
        return f"- {start} to {end} {self.times.name}: score {score}, by {fields}"

    def missing(self, field: str, percent: str) -> str:
        """State missing values."""
        return f"- {field}: {percent} % of the values are missing"

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course."""
        first, last, change, low, low_at, high, high_at = numbers
        return (
            f"{field} of {device} {period} {_COURSE[direction]}: from {first} to {last} (change {change}), "
            f"lowest {low} at {low_at}, highest {high} at {high_at} {self.times.name}."
        )

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} has no numeric readings {period}."

    def last_head(self, device: str, time: str) -> str:
        """Open the last reading."""
        return f"The last reading of {device} is from {time} {self.times.name}:"

    def rows_head(self, device: str, period: str, count: int, newest: bool | None) -> str:
        """Open a table."""
        return f"{_ENDS[newest]}{count} readings of {device} {period}:"

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open the features."""
        return f"{device} {period}: {features} features over {windows} windows. Mean (minimum to maximum) of each:"

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State a feature."""
        return f"- {name}: {mean} ({low} to {high})"

    def fitting_count(self, device: str, period: str, where: str, fitting: int, total: int) -> str:
        """State a count."""
        return f"{fitting} of the {total} readings of {device} {period} fit: {where.removeprefix('where ')}."

    def fitting_share(self, device: str, period: str, where: str, share: str, counts: tuple[int, int]) -> str:
        """State a share."""
        text = where.removeprefix("where ")
        return f"{share} % of the readings of {device} {period} fit ({counts[0]} of {counts[1]}): {text}."

    def fitting_times(self, device: str, period: str, where: str, times: tuple[str, str] | None, count: int) -> str:
        """State when readings fit."""
        if times is None:
            return f"No reading of {device} {period} fits: {where.removeprefix('where ')}."
        first, last = times
        text = where.removeprefix("where ")
        return f"{device} {period}, {text}: first at {first}, last at {last} {self.times.name} ({count} readings)."

    def extreme_time(self, device: str, period: str, name: str, value: str, time: str) -> str:
        """State an extreme with its time."""
        return f"The {name} of {device} {period} is {value}, first reached at {time} {self.times.name}."

    def correlation(self, device: str, period: str, fields: tuple[str, str], value: str, count: int) -> str:
        """State a correlation."""
        return f"{fields[0]} and {fields[1]} of {device} {period} correlate with r = {value} ({count} readings)."

    def ranking(self, name: str, period: str, first: str, value: str, *, lowest: bool, count: int) -> str:
        """Say which is first."""
        return f"{first} has the {'lowest' if lowest else 'highest'} {name} {period}: {value} (of {count})."

    def values_head(self, device: str, period: str, field: str, count: int) -> str:
        """Open counts of values."""
        return f"{field} of {device} {period} ({count} readings):"

    def interval_head(self, device: str, period: str, name: str, interval: str, count: int) -> str:
        """Open rows per interval."""
        return f"{name} of {device} per {interval} {period} ({count} rows):"

    def percentile(self, share: str) -> str:
        """Name a percentile."""
        ending = {"1": "st", "2": "nd", "3": "rd"}.get(share[-1], "th") if share[-2:-1] != "1" else "th"
        return f"{share}{ending} percentile"

    def no_value(self) -> str:
        """Stand for a missing text."""
        return "(none)"

    def cannot(self, words: str) -> str:
        """Say what can't be done."""
        return (
            f"I can't do that (“{words}”): I only read the devices' telemetry, and answer questions about it by fixed "
            "rules. Ask for example for a mean, an extreme, a count or a trend."
        )

    def cannot_part(self, words: str) -> str:
        """Say what can't be answered."""
        return f"I can't answer the part “{words}”: by rules, readings are counted and averaged, but not explained."

    def unread(self, phrases: Sequence[str]) -> str:
        """Name what was not understood."""
        return f"I did not understand {', '.join(f'“{phrase}”' for phrase in phrases)} and left it out."

    def left_out(self, what: Sequence[str]) -> str:
        """Name what was not heeded."""
        return f"Left out, as this kind of answer can't heed it: {', '.join(what)}."

    def read_as(self, written: str, taken: str) -> str:
        """Say how a word was read."""
        return f"I read “{written}” as {taken}."

    def not_measured(self, devices: str, fields: str) -> str:
        """Say which devices lack what was asked about."""
        return f"Left out, as they have no {fields}: {devices}."

    def not_converted(self, unit: str, into: str) -> str:
        """Say that a unit does not fit."""
        if not unit:
            return f"The field's unit is not known, so nothing was converted to {into}."
        return f"{unit} can't be converted to {into}; the values are in {unit}."

    def did_you_mean(self, codes: Sequence[str]) -> str:
        """Ask back."""
        return f"Did you mean {' or '.join(codes)}?"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- … and {count} more"
