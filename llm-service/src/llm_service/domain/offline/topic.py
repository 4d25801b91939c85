"""Fields, statistics and the kind of answer: what a question is about once times, devices and conditions are read."""

from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.field import written_fields
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Note, Remark, Statistic
from llm_service.domain.offline.sentence import Sentence
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
_ALWAYS_REFUSED: Final = frozenset(
    {
        *("predict", "prediction", "forecast", "extrapolate", "poem", "story", "joke", "song", "essay", "translate"),
        *("why", "reason", "cause", "root cause", "email", "e-mail", "calibrate", "reboot", "restart"),
        *(
            "写一首诗",
            "写首诗",
            "诗",
            "预测",
            "预报",
            "翻译",
            "发邮件",
            "为什么",
            "为何",
            "原因",
            "笑话",
            "故事",
            "重启",
        ),
        *("删除", "删掉", "停机", "关掉", "校准", "导出"),
    }
)
_COUNTED: Final = frozenset({Statistic.COUNT, Statistic.SHARE})
_SHOWING: Final = frozenset(
    {"show", "display", "print", "fetch", "give", "get", "list", "显示", "查询", "查看", "列出"}
)
_SHOWN: Final = frozenset({"data", "readings", "rows", "values", "records", "数据", "读数", "记录"})
_RANKING: Final = frozenset({"rank", "ranking", "ranked", "sort", "sorted", "排名", "排序"})
# After these a verb is what the device does ("what did WLD001 draw"), no order.
_QUESTIONS: Final = frozenset({"what", "how", "did", "does", "has", "have", "was", "when", "which", "who"})
# The kinds of answer of which a question gets one.
_ANSWERS: Final = frozenset({Intent.COMPARE, Intent.FEATURES, Intent.ANOMALY, Intent.TREND})
_EVENTS: Final = frozenset({"how many times", "number of times", "几次", "多少次", "有几次"})
_LEADS: Final = (Kind.FILLER, Kind.FOLLOW, Kind.AND, Kind.DEVICE)


def find_topic(sentence: Sentence, reading: "Reading") -> "Topic":
    """Return what `sentence` is about, and mark its words."""
    return _TopicReader(sentence, reading).read()


class _TopicReader:
    def __init__(self, sentence: Sentence, reading: "Reading") -> None:
        self._words = sentence
        self._reading = reading
        self._fields: dict[int, str] = {}
        self._conditioned: dict[int, str] = {}
        self._statistics: dict[Statistic, None] = {}
        self._intents: dict[Intent, list[int]] = {}
        self._notes: list[Note] = []

    def read(self) -> "Topic":
        from llm_service.domain.offline.reading import Topic

        words = self._words
        topic = Topic(speaks=any(True for _ in words.find(Kind.DEVICE_WORD)))
        topic.which = self._which()
        topic.refused = self._refused()
        topic.follows = self._follows()
        self._fields = written_fields(words)
        self._conditional()
        for at in range(len(words)):
            self._word(at, topic)
        asked = self._fields or self._conditioned
        topic.fields = tuple(dict.fromkeys(asked[at] for at in sorted(asked)))
        topic.statistics = tuple(self._statistics)
        self._settle_intents()
        topic.named = next((intent for intent in _PRECEDENCE if intent in self._intents), None)
        self._drop_intents(topic.named)
        topic.listing = self._listing(topic)
        topic.notes = tuple(self._notes)
        return topic

    def _settle_intents(self) -> None:
        """ "How often did it fall below 5" counts and asks for no course; "show the data" asks for rows."""
        if self._reading.conditions and (self._reading.when or _COUNTED & self._statistics.keys()):
            self._intents.pop(Intent.TREND, None)
        words = {self._words.text(at) for at in range(len(self._words))}
        if not self._statistics and not self._intents and words & _SHOWING and words & _SHOWN:
            self._intents[Intent.QUERY] = []

    def _drop_intents(self, named: Intent | None) -> None:
        """One kind of answer is given: the words that ask for another one are left unread."""
        for intent, places in self._intents.items():
            if intent is not named and intent in _ANSWERS:
                self._words.used.difference_update(places)

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
        if isinstance(field, str) and self._means_now(at, field):
            self._count(at, Statistic.LAST)
        elif isinstance(field, str) and not self._verbal(at, field):
            self._fields[at] = field
            words.use(at, at + 1)
        elif isinstance(statistic, Statistic):
            self._count(at, statistic)
        elif isinstance(more := senses.get(Kind.MORE), Comparative):
            self._compare(at, more, topic)
        elif isinstance(intent, Intent):
            self._intend(at, intent)
        else:
            self._counted_word(at)

    def _counted_word(self, at: int) -> None:
        words, senses = self._words, self._words.senses(at)
        often = Kind.HOW_OFTEN in senses and self._reading.conditions
        if Kind.HOW_MANY in senses or often or self._many_labelled(at):
            self._how_many(at)
        elif Kind.SHARE in senses and self._reading.conditions:
            self._count(at, Statistic.SHARE)
        elif Kind.SHARE in senses and self._about_missing(at):
            self._count(at, Statistic.MISSING_RATIO)
        elif Kind.CORRELATION in senses:
            self._count(at, Statistic.CORRELATION)
        elif Kind.INTEGRAL in senses or (Kind.HOW_LONG in senses and self._reading.conditions):
            self._notes.append(Note(remark=Remark.CANNOT, words=(words.raw(at),)))
            if Kind.HOW_LONG in senses:
                self._statistics.setdefault(Statistic.COUNT)
            words.use(at, at + 1)
        elif Kind.LAST in senses and words.has(at + 1, Kind.FIELD):
            self._count(at, Statistic.LAST)
        elif self._reading.when and self._reading.conditions and (Kind.NEWEST in senses or Kind.ORDINAL in senses):
            # "When did it first exceed …": the answer names the first and the last time.
            words.use(at, at + 1)

    def _many_labelled(self, at: int) -> bool:
        """ "有多少气孔": how many readings have the label that follows."""
        after = at + 1
        return self._words.text(at) == "多少" and after in self._words.used and self._words.labelled(after)

    def _about_missing(self, at: int) -> bool:
        """Whether "share" is that of the values that are missing."""
        after = self._words.skip(at + 1, (Kind.FILLER,))
        return self._words.senses(after).get(Kind.STATISTIC) is Statistic.MISSING_RATIO

    def _intend(self, at: int, intent: Intent) -> None:
        """Take the word of an intent; "excluding the spikes" is no question for them, and stays unread."""
        before = self._words.skip(at - 1, (Kind.FILLER, Kind.ALL), step=-1)
        if not any(self._words.has(place, kind) for place in (at - 1, before) for kind in (Kind.EXCEPT, Kind.NOT)):
            self._intents.setdefault(intent, []).append(at)
            self._words.use(at, at + 1)

    def _count(self, at: int, statistic: Statistic) -> None:
        self._statistics.setdefault(statistic)
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
        if field:
            self._fields.setdefault(at, field)
        if statistic is not None and (topic.which or field or self._words.text(at).isascii()):
            two = len(self._reading.devices.codes) > 1 or len(self._reading.times.ranges) > 1
            if two and not topic.which:
                self._intents.setdefault(Intent.COMPARE, [])
            else:
                self._statistics.setdefault(statistic)
            self._words.use(at, at + 1)
        elif field:
            self._words.use(at, at + 1)

    def _how_many(self, at: int) -> None:
        words = self._words
        after = words.skip(at + 1, (Kind.FILLER, Kind.ROWS))
        device = words.has(after, Kind.DEVICE_WORD) or words.text(at)[-1:] == "台"
        if not device or self._reading.conditions:
            self._statistics.setdefault(Statistic.COUNT)
        if self._reading.conditions and (words.text(at) in _EVENTS or words.has(at, Kind.HOW_OFTEN)):
            self._notes.append(Note(remark=Remark.READINGS, words=(words.raw(at),)))
        words.use(at, at + 1)

    def _which(self) -> bool:
        """ "which device", "what machine", "哪台焊机", "which of them", "who"."""
        words = self._words
        for at in words.find(Kind.WHICH):
            text = words.text(at)
            if text in _RANKING:
                words.use(at, at + 1)
                return True
            after = words.skip(at + 1, (Kind.FILLER, Kind.NUMBER))
            device = words.has(after, Kind.DEVICE_WORD) or words.has(at + 1, Kind.DEVICE_WORD)
            chosen = text.startswith("which") and (
                after in words.used or words.text(at + 1) in {"one", "of", "has", "is"}
            )
            if text[-1] == "台" or text in {"谁", "哪个", "哪一个"} or device or chosen:
                words.use(at, at + 1)
                return True
        return False

    def _refused(self) -> str:
        """What can't be done: an order at the beginning, or a word for what the rules never can."""
        words = self._words
        first = 0
        asks = any(words.has(at, kind) for at in range(len(words)) for kind in (Kind.HOW_MANY, Kind.ASK_WHEN))
        while first < len(words) and (first in words.used or any(words.has(first, kind) for kind in _LEADS)):
            if words.has(first, Kind.CANNOT):
                break
            first += 1
        for at in words.find(Kind.CANNOT):
            order = at == first and not asks and not _QUESTIONS & {words.text(before) for before in range(at)}
            if order or words.text(at) in _ALWAYS_REFUSED:
                words.use(at, at + 1)
                return words.raw(at)
        return ""

    def _follows(self) -> bool:
        words = self._words
        if words.has(0, Kind.FOLLOW):
            words.use(0, 1)
            return True
        last = words.skip(len(words) - 1, (Kind.AND,), step=-1)
        while last >= 0 and words.text(last) in {"?", "？", "。", ".", "!"}:
            last -= 1
        return words.text(last) in {"呢", "too", "instead"}

    def _listing(self, topic: "Topic") -> bool:
        words, reading = self._words, self._reading
        asked = topic.which or any(
            words.text(at) in {"what", "which", "show", "list", "name", "how many", "显示", "查看"}
            for at in range(len(words))
        )
        about = topic.speaks or reading.devices.everyone
        list_word = Intent.LIST_DEVICES in self._intents
        fields = any(True for _ in words.find(Kind.FIELD_WORD))
        if fields and (asked or list_word) and not topic.statistics and topic.named not in _ANSWERS:
            return True
        if reading.measures or topic.statistics or topic.fields or reading.when or reading.times.ranges:
            return False
        if topic.named is not None or topic.refused or reading.devices.references:
            return False
        return (about and not reading.devices.codes) or (list_word and bool(reading.devices.codes))
