"""The offline provider's phrases in English about devices, and about what can't be answered."""

from collections.abc import Sequence

from llm_service.domain.offline.english_events import EnglishEvents
from llm_service.domain.offline.phrases_devices import Crossing
from llm_service.domain.offline.query import TimeRange
from llm_service.domain.offline.result import DeviceCard


class EnglishDevices(EnglishEvents):
    """Phrases in English; see the port for what each says."""

    def unconfigured(self) -> str:
        """Say how to configure a model."""
        return (
            "No language model is configured, so I can only answer questions about your devices, by fixed rules. You "
            "can ask, for example: “list devices”, “what was the mean temperature of WLD001 in the last hour?”, "
            "“compare WLD001 and WLD002 yesterday”.\n\n"
            "To get a model, set the key of one provider in the environment (or in `.env`) and restart: "
            "`OPENAI_API_KEY`, `GEMINI_API_KEY`, `ANTHROPIC_API_KEY`, `QWEN_API_KEY`, `GLM_API_KEY` or "
            "`DEEPSEEK_API_KEY`. A local server that speaks the OpenAI protocol (vLLM, Ollama …) works with "
            "`OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODELS`."
        )

    def crossing_head(self, where: tuple[str, str], first: str, time: str, count: tuple[int, int]) -> str:
        """Say which was first."""
        condition, period = where[0].removeprefix("where "), where[1]
        if not first:
            return f"No: {condition} on none of {count[1]} devices {period}."
        return f"Yes: {condition} on {count[0]} of {count[1]} devices {period}, first on {first} at {time}:"

    def crossing(self, told: Crossing) -> str:
        """Say when it was first so."""
        zone = self.times.name
        if not told.first:
            return f"- {told.device}: in no reading."
        if told.single:
            return (
                f"- {told.device}: single readings alone, as of a sensor that errs; the first at {told.first} {zone}."
            )
        if told.lasting is None:
            return f"- {told.device}: first at {told.first} {zone}."
        begun = " (and maybe before, as the time asked for begins there)" if told.before else ""
        earlier = f"; a single reading before that at {told.first}" if told.earlier else ""
        return f"- {told.device}: first at {told.lasting.begin} {zone}{begun}, for {told.lasting.length}{earlier}."

    def thanked(self) -> str:
        """Answer thanks."""
        return "You're welcome."

    def farewell(self) -> str:
        """Say goodbye."""
        return "Goodbye."

    def at_service(self) -> str:
        """Answer what is said in passing."""
        return "All right. Ask me about your devices, for example “is WLD001 running?”."

    def clock(self, time: str) -> str:
        """Tell the time."""
        return (
            f"It is {time} {self.times.name} on the clock of this system, by which answers tell times; readings carry "
            "the time that their machine sent."
        )

    def not_of_devices(self) -> str:
        """Say that nothing of devices was asked."""
        return "I can't answer that: I found no question about your devices' readings in it."

    def examples(self) -> str:
        """Say what can be asked."""
        return "Name the machine, the value and the time, for example “mean temperature of WLD001 in the last hour”."

    def no_reason(self, *, lately: bool) -> str:
        """Say that readings hold no reasons."""
        where = "lately (name a time for another one)" if lately else "where it was asked of"
        return f"Why it was so is not in the data: readings hold no reasons. What stood out {where}:"

    def as_before(self, question: str) -> str:
        """Say that nothing further was understood."""
        return (
            f"This is what I answered before: I understood nothing in “{question}” that asks for anything else. If "
            "something else is meant, name the machine, the value and the time."
        )

    def once_more(self) -> str:
        """Tell what it rests on."""
        return (
            "I read and computed this from the stored readings once more. What it is of is said above; if the machine, "
            "the value or the time was not the one you meant, name it."
        )

    def not_tabled(self, words: str) -> str:
        """Name what comes as a table."""
        return (
            f"I tell this as text (“{words}”): what comes as a table are values per hour, say, and single readings, "
            "for example “mean temperature of WLD001 per hour today”."
        )

    def of_told(self) -> str:
        """Open lines of what was told before."""
        return "Of what I told before:"

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

    def too_many_calls(self, made: int) -> str:
        """Say what would take fewer."""
        return (
            f"That takes more look-ups than one answer may make (after {made} no more were allowed): ask for fewer "
            "hours, days or machines at once, or for longer steps."
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

    def no_field(self, device: str, field: str) -> str:
        """Name the field there is not."""
        return f"{device} has no field {field}, which is left out."

    def partly(self, devices: str, since: str, until: str) -> str:
        """Say where the readings begin or end."""
        ends = filter(None, (f"begin at {since}" if since else "", f"end at {until}" if until else ""))
        told = f"The readings of {devices} {' and '.join(ends)} {self.times.name}"
        return f"{told}: of the rest of that time there are none."

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
        placed = (f"{name} {value}" for name, value in sorted(card.labels.items()))
        told = ", ".join(filter(None, (card.device_type, card.model_code, *placed)))
        kind = f" ({told})" if told else ""
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
        so_far = " so far" if self.times.is_open(time) else ""
        if day := self.times.whole_day(time):
            return f"on {day}" + (f" ({self.times.name})" if self.times.name != "UTC" else "") + so_far
        if time.start and time.end:
            return self._from_to(time) + so_far
        if time.start:
            return f"since {self.times.stamp(time.start)} {self.times.name}"
        return f"before {self.times.stamp(time.end)} {self.times.name}" if time.end else ""

    def cannot(self, words: str) -> str:
        """Say what can't be done."""
        return (
            f"I can't do that (“{words}”): I only read the devices' telemetry, and answer questions about it by fixed "
            "rules. Ask for example for a mean, an extreme, a count or a trend."
        )

    def identity(self) -> str:
        """Say who answers."""
        return "This is Penstock's offline assistant."

    def absent(self, words: str) -> str:
        """Say that the readings hold nothing of it."""
        return f"I can't answer that (“{words}”): it is not in the data, which hold only the readings of your devices."

    def no_price(self, words: str) -> str:
        """Say how a price is named."""
        return (
            f"I can't answer that (“{words}”): no price is in the data. Name it and I tell what it came to, for "
            "example: “what did the gas of WLD001 cost yesterday at 0.02 € per litre?” (or per m, or per kWh)."
        )

    def to_come(self, words: str) -> str:
        """Say that nothing is predicted."""
        return f"I can't answer that (“{words}”): I tell what was measured, and predict nothing."

    def no_pieces(self, words: str) -> str:
        """Say that no parts can be counted."""
        return (
            f"I can't answer that (“{words}”): the readings don't tell one part from the next, so none can be counted. "
            "You can ask how long a machine ran, or how often it started."
        )

    def cannot_part(self, words: str) -> str:
        """Say what can't be answered."""
        return f"I can't answer the part “{words}”: by rules, readings are counted and averaged, but not explained."

    def unread(self, phrases: Sequence[str]) -> str:
        """Name what was not understood."""
        return f"I did not understand {', '.join(f'“{phrase}”' for phrase in phrases)} and left it out."

    def negated(self, words: str) -> str:
        """Say that no number is given, for what was not understood turns it round."""
        return (
            f"I did not understand “{words}”, which may turn round what you ask, so I give no number. Please put it "
            "in other words, for example “not porosity” or “current not above 200”."
        )

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
