"""What the numbers that a question names come to: amounts, ranges, ends, shares in percent."""

from typing import TYPE_CHECKING, Final

from llm_service.domain.offline import words_topic
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Intent, Note, Operator, Remark, Statistic
from llm_service.domain.offline.topic_parts import TopicParts
from llm_service.domain.offline.words_data import LABEL_FIELD
from llm_service.domain.offline.words_question import PIECES, RANKING
from llm_service.domain.offline.words_shop import BARE_AMOUNTS, NORMAL

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Topic

_COUNTED: Final = frozenset({Statistic.COUNT, Statistic.SHARE, Statistic.EVENTS, Statistic.DURATION})


class AmountParts(TopicParts):
    """Settles which numbers over the readings are asked for."""

    def settle_intents(self) -> None:
        """ "How often did it fall below 5" counts and asks for no course; "show the data" asks for rows."""
        if self._reading.conditions and (self._reading.when or _COUNTED & self._statistics.keys()):
            self._release(Intent.TREND)
            self._release(Intent.ANOMALY)
        if Statistic.CORRELATION in self._statistics:
            self._intents.pop(Intent.COMPARE, None)
        self._settle_spikes()
        words = {self._words.text(at) for at in range(len(self._words))}
        if not self._statistics and not self._intents and words & words_topic.SHOWING and words & words_topic.SHOWN:
            self._intents[Intent.QUERY] = []

    def _release(self, intent: Intent) -> None:
        """Give up a kind of answer; what asked for it is unread, but for a verb before a condition: "fell below 5"."""
        words = self._words
        for at in self._intents.pop(intent, ()):
            behind = words.skip(at + 1, (Kind.FILLER, Kind.TO))
            near = {*range(at + 1, behind + 1)}
            limits = any({Kind.OPERATOR, Kind.LABEL, Kind.SUFFIX} & words.lexeme_senses(each).keys() for each in near)
            beside = any(Kind.LABEL in words.lexeme_senses(each) for each in (at - 1, at - 2))
            if not limits and not beside and not words.has(at, Kind.LABEL):
                words.used.discard(at)

    def _settle_spikes(self) -> None:
        """ "Any spikes above 500 A" are the times it was above; strange ones among those readings are not asked for."""
        places = self._intents.get(Intent.ANOMALY, [])
        limited = any(not isinstance(each.value, str) for each in self._reading.conditions) and not self._reading.state
        if limited and places and all(self._words.text(at) in words_topic.SPIKES for at in places):
            self._intents.pop(Intent.ANOMALY)
            self._statistics.setdefault(Statistic.EVENTS)

    def settle_group(self) -> None:
        """ "Which hall drew more current": by the mean of its readings, which no single one of a sensor decides."""
        compared = any(lexeme.text in words_topic.RATHER for lexeme in self._words.lexemes)
        ends = bool(self._statistics) and self._statistics.keys() <= {Statistic.MAX, Statistic.MIN}
        numeric = set(self._fields.values()) - {LABEL_FIELD}
        if self._reading.devices.by_group and compared and ends and numeric and not self._reading.conditions:
            self._statistics = {Statistic.MEAN: None, **self._statistics}

    def settle_amount(self, *, which: bool) -> None:
        """ "Gas consumption" and nothing said of it is what was used in all."""
        names = [lexeme.raw for lexeme in self._words.lexemes if Kind.AMOUNT in lexeme.senses]
        interval = self._reading.interval
        if interval and not interval.which and not interval.of_state and not self._statistics and not names:
            # "Gas per hour".
            names = [each.raw for each in self._words.lexemes if each.text in BARE_AMOUNTS]
        ranked = bool(self._statistics) and self._statistics.keys() <= {Statistic.MAX, Statistic.MIN}
        if Statistic.SUM in self._statistics and self._fields and set(self._fields.values()) <= words_topic.FLOWING:
            # "The sum of gas": readings of a flow don't add up, what flowed does.
            self._statistics[Statistic.INTEGRAL] = None
        flows = [name for name in self._fields.values() if name in words_topic.FLOWING]
        if ranked and which and not names and flows and self._most():
            # "Which feeds the most wire": by what it fed in all.
            self._statistics[Statistic.INTEGRAL] = None
        if (
            names
            and not self._intents.keys() - {Intent.COMPARE, Intent.QUERY}
            and (not self._statistics or (ranked and which))
        ):
            self._statistics[Statistic.INTEGRAL] = None
            self._counted_as.setdefault(names[0])
            # "As a table" says how they are told.
            self._intents.pop(Intent.QUERY, None)
        if Statistic.INTEGRAL in self._statistics:
            self._statistics.pop(Statistic.SUM, None)
        if {Statistic.EVENTS, Statistic.DURATION, Statistic.MEAN, Statistic.LAST} & self._statistics.keys():
            # The "total" of a time is that time; "used the most on average" is a mean.
            self._statistics.pop(Statistic.INTEGRAL, None)

    def _most(self) -> bool:
        """Whether "most" or "least" is said of a quantity, which "highest" is of a rate."""
        return any(lexeme.text in words_topic.QUANTITY for lexeme in self._words.lexemes)

    def counts_pieces(self) -> str:
        """The word for parts where all of them are to be counted; those of a quality are readings of it."""
        # "焊了多少件": that it welds says no more.
        narrowed = self._reading.conditions and not self._reading.state
        told = self._fields or narrowed or self._reading.percentiles or self._intents
        raw = next((lexeme.raw for lexeme in self._words.lexemes if lexeme.text in PIECES), "")
        return raw if raw and self._statistics.keys() == {Statistic.COUNT} and not told else ""

    def note_welds(self) -> None:
        """ "How many welds": readings are counted, which are no welds."""
        raw = next((lexeme.raw for lexeme in self._words.lexemes if lexeme.text in words_topic.WELDS), "")
        if raw and Statistic.COUNT in self._statistics:
            self._notes.append(Note(remark=Remark.READINGS, words=(raw,)))

    def settle_range(self) -> None:
        """ "The difference between maximum and minimum" of one device and time is the range."""
        several = len(self._reading.devices.codes) > 1 or len(self._reading.times.ranges) > 1
        if (
            self._statistics.keys() == {Statistic.MAX, Statistic.MIN}
            and Intent.COMPARE in self._intents
            and not several
        ):
            self._intents.pop(Intent.COMPARE)
            self._statistics = {Statistic.RANGE: None}

    def settle_missing(self) -> None:
        """ "How many seconds of data are missing": the gaps are told with their length."""
        if Statistic.MISSING_RATIO in self._statistics:
            for at in self._words.find(Kind.HOW_LONG):
                self._words.use(at, at + 1)

    def _settle_ratio(self) -> None:
        """ "The ratio of good to total": the total is what the share is of."""
        if Statistic.SHARE in self._statistics and self._reading.conditions and not self._fields:
            self._statistics.pop(Statistic.INTEGRAL, None)
            self._statistics.pop(Statistic.SUM, None)

    def settle_percent(self) -> None:
        """ "In percent": shares of readings and of the time are told so."""
        words = self._words
        self._settle_ratio()
        percent = [
            at for at in words.find(Kind.UNIT) if words.senses(at)[Kind.UNIT] == "%" and words.has(at - 1, Kind.IN)
        ]
        counted = self._statistics.keys() == {Statistic.COUNT} and self._reading.conditions
        if percent and counted and not self._reading.interval and not self._devices:
            # "How many were bad, in percent": the share of them.
            self._statistics[Statistic.SHARE] = None
        shared = self._statistics.keys() & {Statistic.SHARE, Statistic.DURATION, Statistic.MISSING_RATIO}
        # A course is told with how far it went in percent.
        if not shared and (self._statistics or not self._intents.keys() & {Intent.TREND, Intent.COMPARE}):
            return
        for at in percent:
            words.use(at - 1, at + 1)

    def settle_spread(self, topic: "Topic") -> None:
        """ "The distribution of the current" is told by percentiles, "that of the labels" by their counts."""
        words = self._words
        places = [at for at in range(len(words)) if words.text(at) in words_topic.SPREAD | NORMAL]
        numeric = set(self._fields.values()) - {LABEL_FIELD}
        if not places or not numeric or self._statistics or self._intents or self._reading.percentiles:
            return
        topic.spread = True
        words.use(places[0], places[0] + 1)
        self._notes.append(Note(remark=Remark.READ_AS, words=(words.raw(places[0]), "p5, p25, p50, p75, p95")))

    def settle_speed(self, *, which: bool) -> None:
        """ "Which machine heated up fastest" is decided by how far each one went in the same time."""
        self._take_drop(which=which)
        if not which or Intent.TREND not in self._intents or self._statistics or self._reading.interval:
            return
        words = self._words
        told = words_topic.FASTEST | words_topic.SLOWEST | words_topic.STRONGEST
        ways = words_topic.UPWARD | words_topic.DOWNWARD
        for at in [at for at in range(len(words)) if words.text(at) in told | ways]:
            words.use(at, at + 1)
            if words.text(at) in words_topic.SLOWEST:
                self._statistics[Statistic.MIN] = None

    def _take_drop(self, *, which: bool) -> None:
        """ "The biggest drop in current" is that of a course, not the biggest value."""
        words = self._words
        for at in [at for at in range(1, len(words)) if which and words.text(at) in words_topic.DROPS]:
            most = words.lexeme_senses(at - 1).get(Kind.STATISTIC) is Statistic.MAX
            if most or words.text(at - 1) in words_topic.STRONGEST:
                self._statistics.pop(Statistic.MAX, None)
                self._intents.setdefault(Intent.TREND, []).append(at)
                words.use(at - 1, at + 1)

    def settle_best(self, topic: "Topic") -> None:
        """ "The best quality rate", "the worst utilization" are ends of a ranking; of other numbers nobody knows."""
        words = self._words
        ordered = [at for at in range(len(words)) if words.text(at) in RANKING]
        places = [at for at in (*words.find(Kind.BEST), *ordered) if Kind.BEST in words.lexeme_senses(at)]
        shared = self._statistics.keys() & {Statistic.SHARE, Statistic.DURATION}
        if not places or not shared or not topic.which:
            return
        turned = any(condition.operator is Operator.NE for condition in self._reading.conditions)
        best = words.lexeme_senses(places[0])[Kind.BEST] is True
        self._statistics.setdefault(Statistic.MAX if best != turned else Statistic.MIN)
        words.use(places[0], places[0] + 1)
