"""What a question about the values of a text field comes to: their counts, the commonest, none of them."""

from typing import TYPE_CHECKING

from llm_service.domain.offline.label_condition import asks_for_label
from llm_service.domain.offline.lexicon import Kind
from llm_service.domain.offline.query import Statistic
from llm_service.domain.offline.topic_parts import TopicParts
from llm_service.domain.offline.words_data import LABEL_FIELD

if TYPE_CHECKING:
    from llm_service.domain.offline.reading import Topic


class LabelParts(TopicParts):
    """Settles what is asked of labels."""

    def settle_unlabelled(self) -> None:
        """ "How many readings have no label": the counts of all labels tell those without one, too."""
        words = self._words
        if self._reading.by_label and not self._statistics.keys() - {
            Statistic.COUNT,
            Statistic.SHARE,
            Statistic.EVENTS,
        }:
            for at in [at for kind in (Kind.SHARE, Kind.TIMES, Kind.HOW_OFTEN) for at in words.find(kind)]:
                words.use(at, at + 1)
            self._statistics.clear()
            self._fields = {0: LABEL_FIELD}
            return
        places = list(words.find(Kind.NO_LABEL))
        if not places or self._reading.conditions or self._statistics.keys() - {Statistic.COUNT, Statistic.SHARE}:
            return
        words.use(places[0], places[0] + 1)
        for at in words.find(Kind.SHARE):
            words.use(at, at + 1)
        self._statistics.clear()
        self._fields = {places[0]: LABEL_FIELD}

    def settle_commonest(self, topic: "Topic") -> None:
        """ "Which label is most common", "which defect was most common": told by the counts of the labels."""
        words = self._words
        common = list(words.find(Kind.COMMON))
        of_labels = all(condition.field == LABEL_FIELD for condition in self._reading.conditions)
        chosen = asks_for_label(words)
        named = LABEL_FIELD in self._fields.values() or ((common or chosen) and self._reading.conditions)
        asked = self._statistics.keys() & {Statistic.MAX, Statistic.COUNT, *([Statistic.SHARE] if chosen else [])}
        numeric = set(self._fields.values()) - {LABEL_FIELD} or self._statistics.keys() - asked
        if not (Statistic.MAX in asked or common) or not named or numeric or not of_labels or self._reading.interval:
            return
        for at in common:
            words.use(at, at + 1)
        self._statistics.clear()
        self._fields = {0: LABEL_FIELD}
        topic.fields, topic.common = (LABEL_FIELD,), True
        topic.which = topic.which and not self._reading.devices.codes
        topic.of_them = topic.of_them or chosen

    def settle_none(self, *, which: bool) -> None:
        """ "Which had no porosity": the number of each is told, those without any first."""
        if self._reading.none and which and not self._fields and self._statistics.keys() <= {Statistic.COUNT}:
            self._statistics = {Statistic.COUNT: None, Statistic.MIN: None}
