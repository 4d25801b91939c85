"""The words of a question that name a field, a statistic or a kind of answer, one after the other."""

from typing import TYPE_CHECKING, Final

from llm_service.domain.offline import words_topic
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.topic_parts import TopicParts
from llm_service.domain.offline.words_data import LABEL_FIELD, Comparative
from llm_service.domain.offline.words_events import SEVERAL

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Topic

_MOST: Final = frozenset({"most", "fewest", "least", "highest", "lowest", "最多", "最少"})
_ROWS: Final = frozenset({"读数", "数据", "记录", "样本", "数据点", "条数据", "数"})
_NEAR: Final = 3
_FAR: Final = 8
_COLD: Final = frozenset({"cold", "cool", "how cold", "冷"})
# Of one device they say nothing that a number tells.
_AMOUNTS: Final = frozenset({"more", "less"})
_SPANS: Final = frozenset({"的时间", "时间"})
_BRACKETS: Final = frozenset({"(", "（"})


class TopicWords(TopicParts):
    """Takes what each word says."""

    def _now(self) -> bool:
        """Whether it is asked of now: "现在是在升还是降"."""
        senses = [lexeme.senses for lexeme in self._words.lexemes]
        return any(Kind.NOW in each or each.get(Kind.STATISTIC) is Statistic.LAST for each in senses)

    def _word(self, at: int, topic: "Topic") -> None:
        words, senses = self._words, self._words.senses(at)
        statistic, field, intent = senses.get(Kind.STATISTIC), senses.get(Kind.FIELD), senses.get(Kind.INTENT)
        if self._explained(at):
            words.use(at, at + 1)
        elif isinstance(field, str) and self._means_now(at, field):
            self._count(at, Statistic.LAST)
        elif field == LABEL_FIELD and words.has(at - 1, Kind.EVERY) and self._statistics:
            # "The mean current per label": one number of each can't be given, and it is named.
            return
        elif isinstance(field, str) and not self._verbal(at, field):
            self._fields[at] = field
            words.use(at, at + 1)
        elif isinstance(statistic, Statistic):
            if words.text(at) in _MOST and words.has(at + 1, Kind.HOW_OFTEN) and self._reading.conditions:
                self._statistics.setdefault(Statistic.EVENTS)
            elif words.text(at) in _MOST and any(words.has(at + 1, kind) for kind in (Kind.ROWS, Kind.TIMES)):
                # "The most readings above 200": what is most is their number.
                self._statistics.setdefault(Statistic.EVENTS if self._reading.state else Statistic.COUNT)
            self._count(at, statistic)
        elif isinstance(more := senses.get(Kind.MORE), Comparative):
            self._compare(at, more, topic)
        elif isinstance(intent, Intent):
            self._intend(at, intent, topic)
        else:
            self._counted_word(at)

    def _explained(self, at: int) -> bool:
        """Whether a statistic in brackets behind the word says which one is meant: "spread (standard deviation)"."""
        words = self._words
        opened = words.text(at + 1) in _BRACKETS and Kind.STATISTIC in words.senses(at + 2)
        return opened and (words.has(at, Kind.STATISTIC) or words.has(at, Kind.SEVERAL))

    def _counted_word(self, at: int) -> None:
        if self._lasting_word(at) or self._share_word(at):
            return
        rated = self._words.text(at) == "rate" and self._words.labelled(at - 1) and at - 1 in self._words.used
        if rated or self._words.has(at, Kind.QUALITY_RATE):
            self._count(at, Statistic.SHARE)
            return
        words, senses = self._words, self._words.senses(at)
        if Kind.EXCEPT in senses and self._lacks_value(at):
            self._statistics.pop(Statistic.COUNT, None)
            self._count(at, Statistic.MISSING_RATIO)
        elif Kind.HOW_MANY in senses or self._many_labelled(at):
            self._how_many(at)
        elif Kind.SEVERAL in senses:
            self._statistics.update(dict.fromkeys(SEVERAL[str(senses[Kind.SEVERAL])]))
            words.use(at, at + 1)
        elif Kind.CORRELATION in senses:
            self._count(at, Statistic.CORRELATION)
        elif Kind.INTEGRAL in senses:
            self._count_as(at, Statistic.INTEGRAL)
        elif (
            (Kind.LAST in senses or senses.get(Kind.NEWEST) is True)
            and words.has(at + 1, Kind.FIELD)
            and not (self._reading.rows and self._reading.rows.ordered)
        ):
            self._count(at, Statistic.LAST)
        elif self._reading.when and self._reading.conditions and (Kind.NEWEST in senses or Kind.ORDINAL in senses):
            # "When did it first exceed …": the answer names the first and the last time.
            self._once = True
            words.use(at, at + 1)

    def _lasting_word(self, at: int) -> bool:
        """Take a word for how often or how long conditions held."""
        words, senses = self._words, self._words.senses(at)
        lasting = not {Kind.HOW_LONG, Kind.TIME_SHARE, Kind.BUSIER}.isdisjoint(senses.keys())
        repeated = not {Kind.HOW_OFTEN, Kind.TIMES}.isdisjoint(senses.keys())
        held = self._reading.conditions or self._versus
        if not held or not (lasting or repeated):
            return False
        if lasting and not repeated:
            for place in (at - 1, at - 2):
                if words.text(place) in _SPANS:
                    words.use(place, at)
        self._count_as(at, Statistic.EVENTS if repeated else Statistic.DURATION)
        return True

    def _share_word(self, at: int) -> bool:
        """Take a word for a share: of the time, of the readings, of the values that are missing."""
        words = self._words
        if not words.has(at, Kind.SHARE):
            return False
        spoken = at - 1 if words.text(at - 1) in _SPANS else at - 2
        held = self._reading.conditions or self._versus
        if held and Statistic.DURATION in self._statistics:
            words.use(at, at + 1)
        elif held and words.text(at + 1) in _SPANS:
            words.use(at + 1, at + 2)
            self._count_as(at, Statistic.DURATION)
        elif held and words.text(spoken) in _SPANS:
            words.use(spoken, at)
            self._count_as(at, Statistic.DURATION)
        elif held:
            self._count(at, Statistic.SHARE)
        elif self._about_missing(at):
            self._count(at, Statistic.MISSING_RATIO)
        else:
            return False
        return True

    def _many_labelled(self, at: int) -> bool:
        """ "有多少气孔", "大于200的读数有多少": how many readings have the label that follows, or fit."""
        words, after = self._words, at + 1
        if words.text(at) != "多少":
            return False
        before = words.skip(at - 1, (Kind.FILLER,), step=-1)
        rows = any(words.text(place) in _ROWS for place in range(max(before, at - _NEAR), at))
        labelled = words.labelled(before) and before in words.used and not self._statistics
        return labelled or (rows and bool(self._reading.conditions)) or (after in words.used and words.labelled(after))

    def _lacks_value(self, at: int) -> bool:
        """ "Without a temperature value": the field's missing values are counted."""
        after = self._words.skip(at + 1, (Kind.FILLER,))
        named = self._words.has(after, Kind.FIELD) and self._words.text(after + 1) in {
            "value",
            "values",
            "reading",
            "data",
            "值",
        }
        return named and self._statistics.keys() <= {Statistic.COUNT}

    def _about_missing(self, at: int) -> bool:
        """Whether "share" is that of the values that are missing."""
        after = self._words.skip(at + 1, (Kind.FILLER,))
        return self._words.senses(after).get(Kind.STATISTIC) is Statistic.MISSING_RATIO

    def _intend(self, at: int, intent: Intent, topic: "Topic") -> None:
        """Take the word of an intent; "excluding the spikes" is no question for them, and stays unread."""
        before = self._words.skip(at - 1, (Kind.FILLER, Kind.ALL), step=-1)
        if intent is Intent.ANOMALY and self._words.has(before, Kind.EXCEPT):
            # "Without the spikes": extremes are told so, of other numbers it is named.
            topic.robust = True
            self._words.use(before, at + 1)
            return
        if intent is Intent.ANOMALY and self._words.text(at + 1) in words_topic.ASIDE:
            topic.robust = True
            self._words.use(at, at + 2)
            return
        if not any(self._words.has(place, kind) for place in (at - 1, before) for kind in (Kind.EXCEPT, Kind.NOT)):
            self._intents.setdefault(intent, []).append(at)
            self._words.use(at, at + 1)

    def _means_now(self, at: int, field: str) -> bool:
        """ "current temperature": the word is an adjective before another field."""
        nearby = self._words.senses(at + 1)
        adjective = self._words.text(at) == "current" and field == "current"
        return adjective and (
            Kind.FIELD in nearby or self._words.text(at + 1) in {"value", "values", "status", "state"}
        )

    def _verbal(self, at: int, field: str) -> bool:
        """ "level", "flow" and "heat" without a statistic are fields all the same; "wire" only beside one."""
        return self._words.text(at) == "label" and field == "quality_label" and self._words.has(at - 1, Kind.FIELD)

    def _compare(self, at: int, more: Comparative, topic: "Topic") -> None:
        field, statistic = more.field, more.statistic
        if statistic is None and self._how_far(at):
            # "How hot it got" is how hot at most.
            statistic = Statistic.MIN if self._words.text(at) in _COLD else Statistic.MAX
            self._statistics.setdefault(statistic)
        intent = self._words.senses(at).get(Kind.INTENT)
        if isinstance(intent, Intent):
            self._intents.setdefault(intent, []).append(at)
        if field:
            self._fields.setdefault(at, field)
        devices = self._reading.devices
        two = max(len(devices.codes), len(devices.references), len(self._reading.times.ranges)) > 1
        two = two or bool(self._reading.times.ranges and self._against_before())
        alone = self._words.text(at).isascii() and self._words.text(at) not in _AMOUNTS
        if statistic is not None and (topic.which or field or two or alone):
            if two and not topic.which:
                self._intents.setdefault(Intent.COMPARE, [])
            else:
                self._statistics.setdefault(statistic)
            ranked = self._reading.interval is not None and self._reading.interval.which
            if field and (ranked or self._reading.devices.by_group):
                # "The hottest hour", "hotter in hall A or B": no single reading decides it.
                self._statistics.setdefault(Statistic.MEAN)
            self._words.use(at, at + 1)
        elif field:
            self._words.use(at, at + 1)

    def _how_far(self, at: int) -> bool:
        """Whether it is asked how far something went: "how hot the torch got", "how hot did it get"."""
        words = self._words
        asked = words.text(at - 1) == "how" or words.text(at).startswith("how ")
        places = [place for place in range(at + 1, min(at + _FAR, len(words))) if words.text(place) in words_topic.GOT]
        if asked and places:
            words.use(places[0], places[0] + 1)
        return asked and bool(places)

    def _against_before(self) -> bool:
        """Whether one time is set against another: "比一小时前高吗", "warmer now than at 8 am"."""
        lexemes = self._words.lexemes
        texts = {lexeme.text for lexeme in lexemes}
        if any(each.text.endswith("than") and Kind.INTENT in each.senses for each in lexemes):
            return True
        return "比" in texts or ("than" in texts and self._now() and len(self._reading.devices.codes) == 1)

    def _how_many(self, at: int) -> None:
        words = self._words
        after = words.skip(at + 1, (Kind.FILLER, Kind.ROWS))
        device = words.has(after, Kind.DEVICE_WORD) or words.text(at)[-1:] == "台"
        self._devices = device
        if not device or self._reading.conditions:
            self._statistics.setdefault(Statistic.COUNT)
        words.use(at, at + 1)
