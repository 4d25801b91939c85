"""Fields, statistics and the kind of answer: what a question is about once times, devices and conditions are read."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline import words_topic
from llm_service.domain.offline.amount_parts import AmountParts
from llm_service.domain.offline.field import written_fields
from llm_service.domain.offline.label_parts import LabelParts
from llm_service.domain.offline.lexicon import Kind, Senses
from llm_service.domain.offline.query import Intent, Operator, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.spell_parts import SpellParts
from llm_service.domain.offline.topic_words import TopicWords
from llm_service.domain.offline.words_data import Comparative

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
# Which way it goes, these leave open.
_VARYING: Final = frozenset({"change", "changes", "changed", "changing", "变化", "stable", "steady", "稳定"})
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
# What a question for yes or no begins with, or holds.
_OPENING: Final = frozenset({"is", "are", "was", "were", "has", "have", "had", "does", "do", "did", "isn't", "wasn't"})
_WHETHER: Final = frozenset({"是不是", "是否", "有没有", "whether"})
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


class _TopicReader(TopicWords, AmountParts, LabelParts, SpellParts):
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
        self._settle(topic)
        topic.statistics = tuple(self._statistics)
        topic.refused = topic.refused or self.counts_pieces()
        self.note_welds()
        topic.recent = any(words.text(at) in _RECENT for at in self._intents.get(Intent.TREND, ()))
        topic.varies = self._varies()
        topic.falls = self._falls()
        topic.once = self._once
        topic.counts_devices = self._devices
        topic.lists = Intent.LIST_DEVICES in self._intents
        topic.first = self._once and any(_is_first(lexeme.senses) for lexeme in words.lexemes)
        topic.uses = any({Kind.AMOUNT, Kind.INTEGRAL} & lexeme.senses.keys() for lexeme in words.lexemes)
        topic.counted_as = tuple(self._counted_as)
        topic.asks = self._said(Kind.WHETHER)
        topic.versus = self._versus if _is_timed(self._statistics, self._reading) else ""
        topic.beyond = self._versus if self._asks_yes_or_no() else ""
        if topic.common and Intent.ANOMALY in self._intents:
            # "Which fault was most common" counts labels.
            self._intents.pop(Intent.ANOMALY)
        topic.named = next((intent for intent in _PRECEDENCE if intent in self._intents), None)
        self.drop_intents(topic.named)
        self._settle_now(topic)
        topic.listing = self._form.listing(topic, self._intents)
        topic.notes = tuple(self._notes)
        return topic

    def _settle(self, topic: "Topic") -> None:
        """What the words come to together, one kind after the other."""
        self.settle_intents()
        interval = self._reading.interval
        self.settle_amount(which=topic.which or (interval is not None and interval.which))
        self.settle_group()
        self.settle_range()
        self.settle_occasions()
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
        self.settle_welding()

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

    def _said(self, kind: Kind) -> bool:
        """Whether any word can be of this kind, understood or not."""
        return any(kind in lexeme.senses for lexeme in self._words.lexemes)

    def _varies(self) -> bool:
        """Whether a course is asked for whichever way it goes: "changed", not "rose"."""
        trend = [self._words.text(at) for at in self._intents.get(Intent.TREND, ())]
        return bool(trend) and all(text in _VARYING for text in trend)

    def _asks_yes_or_no(self) -> bool:
        """Whether it is asked if something is so: "has A been hotter than B", "A 比 B 热吗"."""
        texts = {lexeme.text for lexeme in self._words.lexemes}
        first = self._words.text(self._words.skip(0, (Kind.FOLLOW, Kind.AND)))
        opened = (first or "").split(" ")[0] in _OPENING or self._words.text(0).split(" ")[0] in _OPENING
        return opened or any(text.endswith("吗") or text in _WHETHER for text in texts)

    def _falls(self) -> bool:
        """Whether a course is asked for that goes down."""
        named = {self._words.text(at) for at in self._intents.get(Intent.TREND, ())}
        down = named & words_topic.FALLING or any(each.text in words_topic.DOWNWARD for each in self._words.lexemes)
        return bool(down) and bool(named)

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
