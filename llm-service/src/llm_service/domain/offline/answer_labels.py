"""Answers about which of several labels there was more of."""

from collections.abc import Sequence
from dataclasses import dataclass

from llm_service.domain.offline.phrases import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """How many readings of a device have a label, in how many stretches; None where that is not known."""

    label: str
    readings: int
    spells: int | None


def counts_told(say: Wording, device: str, period: str, counts: Sequence[LabelCount], *, lowest: bool) -> str:
    """State which label has the most readings, or the fewest, and the numbers of each."""
    ordered = sorted(counts, key=lambda each: each.readings, reverse=not lowest)
    first = [each.label for each in ordered if each.readings == ordered[0].readings]
    told = [say.label_count(each.label, each.readings, each.spells) for each in ordered]
    equal = len(first) == len(ordered)
    return say.prevalent(device, period, "" if equal else ", ".join(first), told, lowest=lowest)
