"""Fields, statistics and the kind of answer: what a question is about once times, devices and conditions are read."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.field import written_fields
from llm_service.domain.offline.lexicon import Kind, Senses
from llm_service.domain.offline.query import Intent, Operator, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.topic_parts import TopicParts
from llm_service.domain.offline.words_data import LABEL_FIELD, Comparative
from llm_service.domain.offline.words_events import SEVERAL

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading, Topic

# Where several are named, the first of these is meant.
_PRECEDENCE: Final = (
    Intent.COMPARE,
    Intent.FEATURES,
    Intent.ANOMALY,
    Intent.TREND,
    Intent.QUERY,
    Intent.STATISTICS,
)
_MOST: Final = frozenset({"most", "fewest", "least", "highest", "lowest", "最多", "最少"})
_ROWS: Final = frozenset({"读数", "数据", "记录", "样本", "数据点", "条数据", "数"})
_NEAR: Final = 3
# Of one device they say nothing that a number tells.
_AMOUNTS: Final = frozenset({"more", "less"})
_SPANS: Final = frozenset({"的时间", "时间"})
# Which way it goes, these leave open.
_VARYING: Final = frozenset({"change", "changes", "changed", "changing", "变化", "stable", "steady", "稳定"})
_BRACKETS: Final = frozenset({"(", "（"})
_RECENT: Final = frozenset(
    {
        *("rising", "falling", "increasing", "decreasing", "drifting", "climbing", "dropping", "changing", "going up"),
        *("getting hotter", "getting warmer", "getting colder", "getting cooler", "getting hot", "becoming hotter"),
        *("becoming warmer", "hotter and hotter", "getting higher", "getting lower", "getting better", "getting worse"),
        *(
            "变热了",
            "变冷了",
            "越来越热",
            "越来越冷",
            "变得更热",
            "变得更冷",
            "变热还是变冷",
            "升温还是降温",
            "越来越高",
        ),
        *("越来越低", "越来越大", "越来越小", "在升还是在降", "在涨还是在跌", "是升是降"),
        *("going down", "going up or down", "rising or falling", "up or down", "heating up", "cooling down"),
        *("上升", "下降", "升高", "降低", "上涨", "下跌", "在涨", "在降", "上升还是下降", "升高还是降低"),
        *("在降温", "在升温", "正在降温", "正在升温"),
    }
)


_SIDES: Final[dict[object, str]] = {
    Operator.GT: "above",
    Operator.GE: "above",
    Operator.LT: "below",
    Operator.LE: "below",
}
_TIMED: Final = frozenset({Statistic.EVENTS, Statistic.DURATION, Statistic.SHARE})


def _is_timed(statistics: Collection[Statistic], reading: "Reading") -> bool:
    """Whether a time, a duration or a share of it is asked for."""
    return reading.when or not _TIMED.isdisjoint(statistics)


def _is_first(senses: Senses) -> bool:
    """Whether the word asks for the first time: "first", "第一次"."""
    return senses.get(Kind.OCCASION) is False or senses.get(Kind.NEWEST) is False


def find_topic(sentence: Sentence, reading: "Reading") -> "Topic":
    """Return what `sentence` is about, and mark its words."""
    return _TopicReader(sentence, reading).read()


class _TopicReader(TopicParts):
    def read(self) -> "Topic":
        from llm_service.domain.offline.reading import Topic

        words = self._words
        topic = Topic(speaks=self._speaks())
        topic.which = self._form.which() or bool(self._reading.top)
        topic.of_them = topic.which and self._form.of_them()
        topic.asks_unit = self._form.asks_unit()
        topic.refused = self._reading.times.future or self._form.refused()
        topic.follows = self._form.follows()
        self._versus = self._against(which=topic.which)
        self._fields = written_fields(words)
        self._conditional()
        for at in range(len(words)):
            self._word(at, topic)
        self.settle_bare_length(topic)
        self.settle_unlabelled()
        asked = self._fields or self._conditioned
        topic.fields = tuple(dict.fromkeys(asked[at] for at in sorted(asked)))
        topic.statistics = tuple(self._statistics)
        self.settle_intents()
        interval = self._reading.interval
        self.settle_amount(which=topic.which or (interval is not None and interval.which))
        self.settle_range()
        self.settle_spells(topic)
        self.settle_none(which=topic.which)
        self.settle_best(topic)
        self.settle_commonest(topic)
        self.settle_speed(which=topic.which)
        self.settle_count()
        self.settle_occasion()
        self.settle_since(topic)
        self.settle_whether(topic)
        self.settle_spread(topic)
        self.settle_percent()
        self.settle_missing()
        topic.statistics = tuple(self._statistics)
        self.note_welds()
        topic.recent = any(words.text(at) in _RECENT for at in self._intents.get(Intent.TREND, ()))
        topic.varies = self._varies()
        topic.once = self._once
        topic.counts_devices = self._devices
        topic.lists = Intent.LIST_DEVICES in self._intents
        topic.first = self._once and any(_is_first(lexeme.senses) for lexeme in words.lexemes)
        topic.uses = any({Kind.AMOUNT, Kind.INTEGRAL} & lexeme.senses.keys() for lexeme in words.lexemes)
        topic.counted_as = tuple(self._counted_as)
        topic.asks = self._said(Kind.WHETHER)
        topic.versus = self._versus if _is_timed(self._statistics, self._reading) else ""
        topic.named = next((intent for intent in _PRECEDENCE if intent in self._intents), None)
        self.drop_intents(topic.named)
        self._settle_now(topic)
        topic.listing = self._form.listing(topic, self._intents)
        topic.notes = tuple(self._notes)
        return topic

    def _speaks(self) -> bool:
        """Whether there is a word for a device: "machine", "哪台"."""
        words = self._words
        counted = any(words.has(at, Kind.WHICH) and words.text(at)[-1:] == "台" for at in range(len(words)))
        return counted or any(True for _ in words.find(Kind.DEVICE_WORD))

    def _settle_now(self, topic: "Topic") -> None:
        """ "Is it normal right now" is asked of the last while."""
        if topic.named is Intent.TREND and not self._reading.times.ranges:
            topic.recent = topic.recent or self._now()
        if topic.named is Intent.ANOMALY and Statistic.LAST in self._statistics and not self._reading.times.ranges:
            topic.recent = True
            self._statistics.pop(Statistic.LAST)
            topic.statistics = tuple(self._statistics)

    def _now(self) -> bool:
        """Whether it is asked of now: "现在是在升还是降"."""
        senses = [lexeme.senses for lexeme in self._words.lexemes]
        return any(Kind.NOW in each or each.get(Kind.STATISTIC) is Statistic.LAST for each in senses)

    def _said(self, kind: Kind) -> bool:
        """Whether any word can be of this kind, understood or not."""
        return any(kind in lexeme.senses for lexeme in self._words.lexemes)

    def _varies(self) -> bool:
        """Whether a course is asked for whichever way it goes: "changed", not "rose"."""
        trend = [self._words.text(at) for at in self._intents.get(Intent.TREND, ())]
        return bool(trend) and all(text in _VARYING for text in trend)

    def _against(self, *, which: bool) -> str:
        """ "A hotter than B", "A 的电流高于 B": on which side the first device is."""
        devices = self._reading.devices
        if which or len(devices.codes) != 2 or self._reading.conditions:
            return ""
        words = self._words
        compared = any(words.text(at) == "比" for at in range(len(words)))
        for at in range(len(words)):
            more, operator = words.senses(at).get(Kind.MORE), words.senses(at).get(Kind.OPERATOR)
            if isinstance(more, Comparative) and (more.statistic is not None or (compared and more.field)):
                return "below" if more.statistic is Statistic.MIN or words.text(at) == "冷" else "above"
            if operator in _SIDES and not (isinstance(more, Comparative) and more.field):
                words.use(at, at + 1)
                return _SIDES[operator]
        return ""

    def _conditional(self) -> None:
        """The fields that stand before conditions; of the words around them nothing is left to read."""
        for at in range(len(self._words) - 1):
            field = self._words.senses(at).get(Kind.FIELD)
            if isinstance(field, str) and at + 1 in self._words.used and self._in_condition(at):
                self._conditioned[at] = field
                self._words.use(at, at + 1)

    def _in_condition(self, at: int) -> bool:
        return any(condition.field == self._words.senses(at).get(Kind.FIELD) for condition in self._reading.conditions)

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
