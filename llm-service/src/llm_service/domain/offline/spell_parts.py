"""What a question about times, stretches and states comes to: how long, how often, since when, whether."""

from typing import TYPE_CHECKING

from llm_service.domain.offline import words_topic
from llm_service.domain.offline.condition import NEVER
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Condition, Intent, Note, Remark, Statistic
from llm_service.domain.offline.spell import SPELLS
from llm_service.domain.offline.topic_parts import TopicParts
from llm_service.domain.offline.words_data import LABEL_FIELD
from llm_service.domain.offline.words_question import ALWAYS
from llm_service.domain.offline.words_state import RUNNING

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Topic


class SpellParts(TopicParts):
    """Settles what is asked of the times at which conditions held."""

    def settle_bare_length(self, topic: "Topic") -> None:
        """ "For how long?", "and how often?" ask it of what the question before was about."""
        words, reading = self._words, self._reading
        if reading.conditions or self._versus or self._fields or self._statistics or self._intents or reading.unit:
            return
        lasting = [*words.find(Kind.HOW_LONG)]
        shares = [at for kind in (Kind.TIME_SHARE, Kind.SHARE) for at in words.find(kind)]
        shares = shares or [at for at in words.find(Kind.UNIT) if words.senses(at)[Kind.UNIT] == "%"]
        places = lasting or shares or [at for kind in (Kind.HOW_OFTEN, Kind.TIMES) for at in words.find(kind)]
        if places and not (reading.devices.codes and not topic.follows):
            topic.follows = True
            counted = Statistic.SHARE if shares else Statistic.EVENTS
            self._count_as(places[0], Statistic.DURATION if lasting else counted)

    def settle_count(self) -> None:
        """ "Which day had the most porosity" is decided by how many readings had it."""
        reading, asked = self._reading, self._statistics.keys()
        ranked = reading.interval is not None and reading.interval.which and reading.conditions and not self._fields
        if not ranked or not asked or not asked <= {Statistic.MAX, Statistic.MIN}:
            return
        if reading.state and self._ends_number():
            # "Which hour had the most stops".
            self._statistics[Statistic.EVENTS] = None
            return
        if reading.state:
            # "Which hour did it weld the most": the one it did so for longest.
            self._statistics.pop(Statistic.MAX, None)
        self._statistics[Statistic.DURATION if reading.state else Statistic.COUNT] = None

    def _ends_number(self) -> bool:
        """Whether the word for an end stands before what is counted: "the most stops"."""
        words = self._words
        senses = [words.lexeme_senses(at) for at in range(len(words))]
        ends = [
            at
            for at, each in enumerate(senses)
            if each.get(Kind.STATISTIC) in {Statistic.MAX, Statistic.MIN} or words.text(at) in words_topic.MORE
        ]
        return any(words.text(at + 1) in SPELLS and words.text(at + 1) not in words_topic.VERBAL for at in ends)

    def settle_spells(self, topic: "Topic") -> None:
        """ "Average length of each stop" and "list the stops" ask for single stretches, "how much longer" for times."""
        spells, reading = self._reading.spells, self._reading
        timed = self._statistics.keys() & {Statistic.EVENTS, Statistic.DURATION}
        if reading.conditions and reading.interval and timed and not self._fields:
            # "On average per hour": the number of each hour is told, and their mean.
            topic.averaged = Statistic.MEAN in self._statistics
            self._statistics.pop(Statistic.MEAN, None)
        if not reading.conditions or reading.rows or reading.interval:
            return
        if Statistic.COUNT in self._statistics and reading.state and self._counts_spells():
            self._statistics = {Statistic.EVENTS if s is Statistic.COUNT else s: None for s in self._statistics}
        if Statistic.COUNT in self._statistics and spells.least is not None and not self._fields:
            # "Were there any longer than 30 s, and how many".
            self._statistics = {Statistic.EVENTS if s is Statistic.COUNT else s: None for s in self._statistics}
        if reading.state and self._statistics.keys() == {Statistic.INTEGRAL} and not self._fields:
            # "Total stops".
            self._statistics = {Statistic.EVENTS: None}
        compared = Intent.COMPARE in self._intents or any(
            lexeme.text in words_topic.MUCH for lexeme in self._words.lexemes
        )
        if reading.state and compared and not self._statistics and not self._fields and not reading.when:
            # "How much did it weld on Monday and on Tuesday": for how long.
            self._statistics[Statistic.DURATION] = None
        asked = self._statistics.keys()
        longer = list(self._words.find(Kind.LONGER))
        if longer and not self._fields:
            self._words.use(longer[0], longer[0] + 1)
            self._statistics = {Statistic.DURATION: None}
            if len(reading.devices.codes) > 1 or len(reading.times.ranges) > 1:
                self._intents.setdefault(Intent.COMPARE, [])
        mean = Statistic.MEAN in asked and Statistic.DURATION in asked and not self._fields
        topic.each = spells.each or mean
        if mean:
            self._statistics.pop(Statistic.MEAN)
        if (topic.each or spells.least is not None) and not self._statistics and not reading.when and not self._fields:
            self._statistics[Statistic.EVENTS] = None

    def settle_occasions(self) -> None:
        """ "How many porosity events", "how many bad seams": stretches are counted, and told with their readings."""
        words, reading = self._words, self._reading
        places = [at for at in range(len(words)) if words.text(at) in words_topic.OCCASIONS | words_topic.SEAMS]
        if not places or not reading.conditions or self._fields or reading.interval or reading.rows:
            return
        if self._statistics.keys() <= {Statistic.COUNT, Statistic.EVENTS}:
            words.use(places[0], places[0] + 1)
            counted = Statistic.COUNT in self._statistics
            self._statistics = {Statistic.EVENTS: None} if counted else self._statistics

    def _counts_spells(self) -> bool:
        """Whether the word for a state is what is counted: "how many stops"."""
        words = self._words
        senses = map(words.lexeme_senses, range(len(words)))
        asked = enumerate(Kind.HOW_MANY in each or each.get(Kind.STATISTIC) is Statistic.COUNT for each in senses)
        places = (at for at, counts in asked if counts)
        return any(words.text(place) in SPELLS for at in places for place in (at + 1, at + 2))

    def settle_welding(self) -> None:
        """ "The typical welding current" is that of the readings while welding, not of those at rest."""
        words, reading = self._words, self._reading
        said = [at for at, field in self._fields.items() if words.text(at) in words_topic.WHILE_WELDING.get(field, ())]
        usual = bool(self._statistics or reading.percentiles) and self._statistics.keys() <= words_topic.OF_ALL_READINGS
        if not said or not usual or reading.conditions or reading.when or self._intents:
            return
        welding = Condition(field=RUNNING.field, operator=RUNNING.operator, value=RUNNING.value)
        taken = f"{RUNNING.field} {RUNNING.operator.value} {RUNNING.value:g}"
        reading.conditions = (welding,)
        self._notes.append(Note(remark=Remark.READ_AS, words=(words.raw(said[0]), taken)))

    def settle_since(self, topic: "Topic") -> None:
        """ "Since when has it been on" asks for the begin of what holds now; "how long … today" does not."""
        words, reading = self._words, self._reading
        places = list(words.find(Kind.SINCE_WHEN))
        if not places or self._statistics.keys() - {Statistic.DURATION, Statistic.LAST}:
            return
        if not reading.conditions:
            # Of what the question before was about, or named as not heeded.
            topic.since = not reading.measures
            words.use(places[0], places[0] + topic.since)
            return
        words.use(places[0], places[0] + 1)
        closed = any(time.end for time in reading.times.ranges)
        if words.text(places[0]).endswith(words_topic.LASTING) and reading.times.ranges:
            self._count_as(places[0], Statistic.DURATION)
        elif not closed:
            topic.since, self._statistics = True, {}
            self._counted_as.clear()
        else:
            reading.when = True

    def settle_occasion(self) -> None:
        """ "The last time it exceeded 5" asks when that was, unless a number is asked for."""
        words, reading = self._words, self._reading
        if (
            reading.when
            and reading.conditions
            and any(lexeme.text in words_topic.LAST_TIME for lexeme in words.lexemes)
        ):
            # "最后一次出现气孔是什么时候": no last reading is asked for.
            self._statistics.pop(Statistic.LAST, None)
        named = any(Kind.OCCASION in lexeme.senses for lexeme in words.lexemes)
        if reading.spells.longest:
            # "How long did the longest one last": the verb.
            return
        self._once = self._once or bool(reading.when and reading.conditions and named)
        plain = self._statistics.keys() <= {Statistic.DURATION} and not reading.rows
        if reading.conditions and plain and (self._once or named):
            reading.when = self._once = True
            for at in list(words.find(Kind.OCCASION))[:1]:
                words.use(at, at + 1)
            self._tell_length()

    def _tell_length(self) -> None:
        """ "When was the last stop and how long was it": that one is told with its length, and no total."""
        if Statistic.DURATION not in self._statistics:
            return
        self._statistics.pop(Statistic.DURATION)
        self._counted_as.clear()
        last = self._words.skip(len(self._words) - 1, (Kind.FILLER,), step=-1)
        if self._words.text(last) == "last":
            # "How long did it last": the verb.
            self._words.use(last, last + 1)

    def settle_whether(self, topic: "Topic") -> None:
        """ "Did it go above 5", "有没有超过5": whether and how often; a condition alone asks for no numbers either."""
        words, reading = self._words, self._reading
        # "有没有" stands inside of what was read as a condition.
        asks = any(Kind.WHETHER in lexeme.senses for lexeme in words.lexemes) and not self._asks_value()
        plain = not self._intents and not reading.rows and not reading.interval and not reading.percentiles
        if not reading.conditions or not plain or reading.when or topic.since or topic.common:
            return
        ended = topic.which and reading.state and self._statistics.keys() & {Statistic.MAX, Statistic.MIN}
        if ended and self._statistics.keys() <= {Statistic.MAX, Statistic.MIN}:
            # "Which was idle the most": by how long it was, "which had the most stops" by their number.
            counted = self._ends_number() or reading.spells.least is not None
            self._statistics[Statistic.EVENTS if counted else Statistic.DURATION] = None
        topic.holds = self._at_a_moment(asks=asks, which=topic.which)
        if topic.which and not topic.holds and not self._statistics and not self._fields:
            # "Which machines exceeded 200 today": by how many readings did.
            self._statistics[Statistic.COUNT] = None
        topic.whether = topic.holds or (asks and not self._statistics and not topic.which)
        if topic.holds:
            self._statistics.clear()
        elif topic.whether:
            self._statistics[Statistic.EVENTS] = None
            # "It never was, true?": yes or no could be said of either, the number of times can't.
            topic.whether = not any(lexeme.text in NEVER for lexeme in words.lexemes)
            for at in [at for at in range(len(words)) if words.text(at) in ALWAYS and topic.whether]:
                words.use(at, at + 1)
                topic.always = True

    def _asks_value(self) -> bool:
        """Whether the value of a field is asked for: "what was the temperature while it was idle" is no yes or no."""
        first = next((at for at in sorted(self._fields) if self._fields[at] != LABEL_FIELD), 0)
        return any(self._words.text(at).startswith(words_topic.FOR_VALUES) for at in range(first))

    def _at_a_moment(self, *, asks: bool, which: bool) -> bool:
        """Whether it is asked if the conditions hold at a moment: "is it running", "which were on at noon"."""
        words, ranges = self._words, self._reading.times.ranges
        texts = {lexeme.text for lexeme in words.lexemes}
        instants = bool(ranges) and all(time.instant for time in ranges)
        chosen = self._devices or (which and self._reading.state)
        counted = self._statistics.keys() <= ({Statistic.LAST, Statistic.COUNT} if self._devices else {Statistic.LAST})
        present = bool(words_topic.PRESENT & texts) and not words_topic.EVER & texts
        now = not ranges and (Statistic.LAST in self._statistics or present)
        return counted and (asks or which or self._devices) and (instants or now or (not ranges and chosen))
