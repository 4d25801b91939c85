"""The offline provider's phrases in English."""

from collections.abc import Sequence
from typing import Final

from llm_service.domain.offline.phrases import stamp, whole_day
from llm_service.domain.offline.query import Statistic, TimeRange
from llm_service.domain.offline.result import DeviceCard

_STATISTICS: Final = {
    Statistic.MEAN: "mean",
    Statistic.MIN: "minimum",
    Statistic.MAX: "maximum",
    Statistic.STD: "standard deviation",
    Statistic.MEDIAN: "median",
    Statistic.COUNT: "number of readings",
    Statistic.RANGE: "range",
    Statistic.SUM: "sum",
    Statistic.MISSING_RATIO: "missing ratio",
    Statistic.LAST: "last value",
}
_COURSE: Final = {-1: "falls", 0: "stays about level", 1: "rises"}


class English:
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
        return f"from {stamp(time.start)} to {stamp(time.end)} UTC"

    def period(self, time: TimeRange | None) -> str:
        """Name a range."""
        if time is None or (time.start is None and time.end is None):
            return "over all its data"
        if day := whole_day(time):
            return f"on {day}"
        if time.start and time.end:
            return self._from_to(time)
        return f"since {stamp(time.start)} UTC" if time.start else f"before {stamp(time.end)} UTC" if time.end else ""

    def statistic(self, statistic: Statistic) -> str:
        """Name a statistic."""
        return _STATISTICS[statistic]

    def one_value(self, device: str, period: str, name: str, value: str, count: int) -> str:
        """State one number."""
        return f"The {name} of {device} {period} is {value} ({count} readings)."

    def named(self, field: str, statistic: Statistic) -> str:
        """Name a statistic of a field."""
        return f"{self.statistic(statistic)} {field}"

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

    def missing(self, field: str, percent: str) -> str:
        """State missing values."""
        return f"- {field}: {percent} % of the values are missing"

    def trend(self, device: str, period: str, field: str, direction: int, numbers: Sequence[str]) -> str:
        """State a course."""
        first, last, change, low, low_at, high, high_at = numbers
        return (
            f"{field} of {device} {period} {_COURSE[direction]}: from {first} to {last} (change {change}), "
            f"lowest {low} at {low_at}, highest {high} at {high_at} UTC."
        )

    def no_numbers(self, device: str, period: str) -> str:
        """No numbers."""
        return f"{device} has no numeric readings {period}."

    def last_head(self, device: str, time: str) -> str:
        """Open the last reading."""
        return f"The last reading of {device} is from {time} UTC:"

    def rows_head(self, device: str, period: str, count: int, truncated: bool) -> str:
        """Open a table."""
        return f"{'The first ' if truncated else ''}{count} readings of {device} {period}:"

    def features_head(self, device: str, period: str, windows: int, features: int) -> str:
        """Open the features."""
        return f"{device} {period}: {features} features over {windows} windows. Mean (minimum to maximum) of each:"

    def feature(self, name: str, mean: str, low: str, high: str) -> str:
        """State a feature."""
        return f"- {name}: {mean} ({low} to {high})"

    def and_more(self, count: int) -> str:
        """Say what was left out."""
        return f"- … and {count} more"
