"""The form of a question: for a device, an order that is refused, one that follows another, for units, for a list."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Statistic
from llm_service.domain.offline.sentence import Sentence
from llm_service.domain.offline.spell import SPELLS
from llm_service.domain.offline.words_question import CANNOT, RANKING, TORCHES

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Reading, Topic

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
        *("删除", "删掉", "关掉", "校准", "导出"),
        *CANNOT,
    }
)
_RANKING: Final = frozenset({"rank", "ranking", "ranked", "sort", "sorted", "排名", "排序"})
# After these a verb is what the device does ("what did WLD001 draw"), no order.
_QUESTIONS: Final = frozenset({"what", "how", "did", "does", "has", "have", "was", "when", "which", "who"})
_FOR_WHICH: Final = frozenset({"for which", "in which", "on which", "at which"})
_ONE_OF_THEM: Final = frozenset({"which one", "which", "who", "哪个", "哪一个", "谁", "哪台", "哪一台"})
_OF_THOSE: Final = frozenset({"them", "these", "those", "the"})
_CHOOSING: Final = _FOR_WHICH | {"whose"}
_ENDS: Final = frozenset({Statistic.MAX, Statistic.MIN})
_MEASURING: Final = frozenset({"measure", "measures"})
_WHO: Final = frozenset({"who", "who's", "who ' s", "whoever", "谁", "是谁", "哪位", "什么人", "谁在"})
# With these the one machine is what others are set against.
_AGAINST: Final = frozenset(
    {"than", "more than", "less than", "longer than", "like", "as", "besides", "比", "和", "与", "跟"}
)
_LEADS: Final = (Kind.FILLER, Kind.FOLLOW, Kind.AND, Kind.DEVICE)
# The kinds of answer of which a question gets one.
ANSWERS: Final = frozenset({Intent.COMPARE, Intent.FEATURES, Intent.ANOMALY, Intent.TREND})


class FormReader:
    """Reads the form of one question."""

    def __init__(self, sentence: Sentence, reading: "Reading") -> None:
        self._words = sentence
        self._reading = reading

    def which(self) -> bool:
        """ "which device", "what machine", "哪台焊机", "which of them", "who"."""
        words = self._words
        places = [at for at in range(len(words)) if words.has(at, Kind.WHICH) or words.text(at) in _CHOOSING]
        for at in places:
            text = words.text(at)
            if words.text(at + 1) in SPELLS and self._reading.spells.longest:
                # "Which stop was the longest" asks for no machine.
                words.use(at, at + 1)
                return False
            if text in _RANKING or text in RANKING:
                # "From lowest to highest" says which end is first, too.
                words.use(at, at + (not words.has(at, Kind.STATISTIC)))
                return True
            after = words.skip(at + 1, (Kind.FILLER, Kind.NUMBER))
            device = words.has(after, Kind.DEVICE_WORD) or words.has(at + 1, Kind.DEVICE_WORD)
            device = device and (text not in _FOR_WHICH or words.has(at + 1, Kind.DEVICE_WORD))
            listed = text in {"有哪些", "哪些"} and at > 0 and Kind.DEVICE_WORD in words.lexeme_senses(at - 1)
            device = device or (listed and bool(self._reading.conditions))
            first = text == "whose" and at == words.skip(0, (Kind.FILLER, Kind.FOLLOW))
            named = after in words.used or words.text(at + 1) in {"one", "of", "has", "is", "was", "had", "the longest"}
            named = named or text == "which ones"
            named = named or (text == "which of" and words.text(at + 1) in _OF_THOSE)
            chosen = first or (text.startswith("which") and named)
            if (
                text[-1] == "台"
                or text in TORCHES
                or text in {"谁", "哪个", "哪一个", "who", "who has", "who had"}
                or device
                or chosen
            ):
                words.use(at, at + 1)
                return True
        return self._the_most() or (self._reading.devices.by_group and len(self._reading.devices.references) > 1)

    def of_them(self) -> bool:
        """Return whether one of those spoken of before is asked for: "which one was hotter", "哪个更高", "谁高"."""
        words = self._words
        texts = [lexeme.text for lexeme in words.lexemes]
        if "其中" in texts or ("which of" in texts and not _OF_THOSE.isdisjoint(texts)):
            return True
        named = any(Kind.DEVICE_WORD in lexeme.senses or Kind.GROUP in lexeme.senses for lexeme in words.lexemes)
        return not named and any(text in _ONE_OF_THEM for text in texts)

    def _the_most(self) -> bool:
        """ "What is the hottest machine", "the second hottest": the place in the list of all."""
        words, devices = self._words, self._reading.devices
        if devices.codes or devices.references:
            return False
        for at in words.find(Kind.DEVICE_WORD):
            before = at - 1 - (words.text(at - 1) == "的")
            end = words.senses(before).get(Kind.STATISTIC) in _ENDS or words.has(before, Kind.MORE)
            if end and words.senses(at)[Kind.DEVICE_WORD] is False:
                words.use(at - 2, at - 2 + words.has(at - 2, Kind.ORDINAL))
                return True
        return False

    def refused(self) -> str:
        """What can't be done: an order at the beginning, or a word for what the rules never can."""
        words = self._words
        first = 0
        kinds = (Kind.HOW_MANY, Kind.ASK_WHEN)
        asks = any(kind in words.lexeme_senses(at) for at in range(len(words)) for kind in kinds)
        while first < len(words) and (first in words.used or any(words.has(first, kind) for kind in _LEADS)):
            if words.has(first, Kind.CANNOT):
                break
            first += 1
        measured = any(words.has(at, kind) for at in range(len(words)) for kind in (Kind.FIELD, Kind.AMOUNT, Kind.UNIT))
        for at in range(len(words) - 1):
            pair = (words.text(at), words.text(at + 1))
            if pair in {("who", "used"), ("谁", "用"), ("谁", "用了"), ("谁", "用过")} and not measured:
                # "Who used WLD001" asks for a person, "who used less gas" for a machine.
                words.use(at, at + 2)
                return f"{words.raw(at)} {words.raw(at + 1)}"
        if person := self._person():
            return person
        for at in words.find(Kind.CANNOT):
            ended = words.senses(at + 1).get(Kind.STATISTIC) in _ENDS
            order = (
                at == first and not asks and not ended and not _QUESTIONS & {words.text(before) for before in range(at)}
            )
            if order or words.text(at) in _ALWAYS_REFUSED:
                words.use(at, at + 1)
                return words.raw(at)
        return ""

    def _person(self) -> str:
        """ "Who was working on WLD002", "WLD002 是谁在焊": of one machine that is named it is asked for a person."""
        words, devices = self._words, self._reading.devices
        if len(devices.codes) + len(devices.references) != 1 or devices.everyone or devices.left_out:
            return ""
        if any(each.label for each in devices.references) or any(each.text in _AGAINST for each in words.lexemes):
            return ""
        at = next((at for at in range(len(words)) if words.text(at) in _WHO), None)
        if at is None or any(Kind.MORE in each.senses or Kind.LONGER in each.senses for each in words.lexemes):
            return ""
        end = at + 1
        while end < len(words) and end < at + 3 and Kind.DEVICE not in words.lexeme_senses(end):
            end += 1
        said = " ".join(words.raw(each) for each in range(at, end))
        words.use(at, end)
        return said if words.text(at).isascii() else words.raw(at)

    def follows(self) -> bool:
        """Return whether it leans on the question before."""
        words, reading = self._words, self._reading
        if words.has(0, Kind.FOLLOW):
            words.use(0, 1)
            return True
        if reading.spells.least is not None and not (reading.conditions or reading.devices.codes):
            # "Only those over a minute".
            return True
        last = words.skip(len(words) - 1, (Kind.AND,), step=-1)
        while last >= 0 and words.text(last) in {"?", "？", "。", ".", "!"}:
            last -= 1
        return words.text(last) in {"呢", "too", "instead"}

    def listing(self, topic: "Topic", intents: Collection[Intent]) -> bool:
        """Return whether devices or fields are to be listed."""
        words, reading = self._words, self._reading
        asked = topic.which or any(
            words.text(at) in {"what", "which", "show", "list", "name", "how many", "显示", "查看"}
            for at in range(len(words))
        )
        about = topic.speaks or reading.devices.everyone
        list_word = Intent.LIST_DEVICES in intents
        # "What did it measure an hour ago" asks for values.
        fields = any(words.text(at) not in _MEASURING or not reading.times.ranges for at in words.find(Kind.FIELD_WORD))
        if topic.asks_unit and not topic.statistics and not reading.times.ranges:
            return True
        if fields and (asked or list_word) and not topic.statistics and topic.named not in ANSWERS:
            return True
        if reading.measures or topic.statistics or topic.fields or reading.when or reading.times.ranges:
            return False
        if topic.named is not None or topic.refused or reading.devices.references:
            return False
        # "Which hall is WLD003 in?"
        placed = list_word or reading.devices.by_group
        return (about and not reading.devices.codes) or (placed and bool(reading.devices.codes))

    def asks_unit(self) -> bool:
        """Return whether units are asked for."""
        places = list(self._words.find(Kind.ASK_UNIT))
        for at in places:
            self._words.use(at, at + 1)
        return bool(places) and not self._reading.unit
