"""What Google's models take, by family, as ai.google.dev has it: the API refuses or ignores what a family lacks."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiTraits:
    """What models whose whole name matches `names` take.

    Thinking: by `levels`, or by a budget of at least `least` and at most `most` tokens, `off` saying that it may be
    0; models with neither don't think, or can't be told how much. `signed_calls`: calls are handed back with a
    signature. `sampling`, `schema_with_tools`, `pictures_in_results`, `system` and `tools` say whether there are such
    things.
    """

    names: str
    levels: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    off: bool = True
    signed_calls: bool = False
    schema_with_tools: bool = False
    pictures_in_results: bool = False
    system: bool = True
    tools: bool = True
    sampling: bool = True

    @property
    def thinks(self) -> bool:
        """Whether the model can be told how much to think, and to show it."""
        return bool(self.levels or self.most)


_NEWER: Final = {"signed_calls": True, "schema_with_tools": True, "pictures_in_results": True}
_FAMILIES: Final = (
    GeminiTraits(names=r"gemini-2\.5-flash-image.*|.*-(?:tts|live|native-audio).*"),
    GeminiTraits(names=r"gemini-2\.5-pro.*", least=128, most=32768, off=False),
    GeminiTraits(names=r"gemini-2\.5-flash-lite.*", least=512, most=24576),
    GeminiTraits(names=r"gemini-2\.5-.*|gemini-(?:flash|pro)-2\.5.*", least=1, most=24576),
    GeminiTraits(names=r"gemini-(?:1|2)(?:\.\d+)?(?:-.*)?|learnlm.*"),
    GeminiTraits(names=r"gemma-[1-3].*|gemma.*-[1-3]n?-.*", system=False, tools=False),
    GeminiTraits(names=r"gemma.*"),
    GeminiTraits(names=r"gemini-3-pro.*", levels=("LOW", "HIGH"), **_NEWER),
    GeminiTraits(
        names=r"gemini-3\.5-flash-lite.*|gemini-3\.6-.*",
        levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
        sampling=False,
        **_NEWER,
    ),
    GeminiTraits(names=r"gemini-(?:3\.[7-9]|[4-9]).*", levels=("LOW", "MEDIUM", "HIGH"), sampling=False, **_NEWER),
    GeminiTraits(names=r"gemini-3(?:\.[15])?-flash.*", levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"), **_NEWER),
)
# A name that is not known is taken for one of the newest, which all have these levels.
_NEWEST: Final = GeminiTraits(names=".*", levels=("LOW", "MEDIUM", "HIGH"), **_NEWER)
_LEVELS: Final = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_BY_EFFORT: Final = {"none": 0, "minimal": 0, "low": 1, "medium": 2, "high": 3, "xhigh": 3, "max": 3}
_BUDGETS: Final = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}


@lru_cache(256)
def traits_of(model: str) -> GeminiTraits:
    """Return what `model` takes."""
    name = model.rpartition("/")[2].lower()
    return next((family for family in _FAMILIES if re.fullmatch(family.names, name)), _NEWEST)


def level_of(traits: GeminiTraits, effort: str, budget: int) -> str:
    """Return the level nearest to an effort, or to a budget in tokens, among those of the model; more before less."""
    if effort:
        wanted = _BY_EFFORT.get(effort, 3)
    else:
        wanted = 1 if budget <= _BUDGETS["low"] else 2 if budget <= _BUDGETS["medium"] else 3
    return min(traits.levels, key=lambda level: (abs(_LEVELS.index(level) - wanted), -_LEVELS.index(level)))


def budget_of(traits: GeminiTraits, effort: str, budget: int) -> int:
    """Return the budget within the model's bounds; -1 leaves it to the model."""
    wanted = budget or _BUDGETS.get(effort, -1)
    if wanted < 0 or (wanted == 0 and traits.off):
        return wanted
    return min(max(wanted, traits.least), traits.most)
