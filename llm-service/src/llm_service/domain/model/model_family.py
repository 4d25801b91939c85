"""What families of models take otherwise than the rest of their vendor's, as the vendors document it."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# From none to most; what a caller asks for is moved to the nearest that a family takes.
EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
# The effort that a budget up to so many tokens stands for.
_BUDGETS: Final = (("low", 2048), ("medium", 8192))
_SAMPLING: Final = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """Models whose whole name matches the pattern `names`.

    `lacks` are knobs by their OpenAI name that they refuse or ignore, `lacks_thinking` those that they take only while
    they don't think: with the effort "none", which `thinks` false says is their default. `efforts` are the reasoning
    efforts they take, empty for any. `media` are the kinds of content they take besides those of their vendor.
    """

    names: str
    lacks: frozenset[str] = frozenset()
    lacks_thinking: frozenset[str] = frozenset()
    efforts: tuple[str, ...] = ()
    thinks: bool = True
    media: frozenset[str] = frozenset()

    def lacking(self, effort: str) -> frozenset[str]:
        """Return the knobs that are not taken with the reasoning effort `effort`, empty for the default."""
        is_thinking = effort != "none" if effort else self.thinks
        return self.lacks | self.lacks_thinking if is_thinking else self.lacks


OTHERS: Final = ModelFamily(names=".*")
# Callers may name any model; of a longer name it is not kept which family it is of.
_LONGEST_KEPT: Final = 256


class ModelFamilies:
    """The families of one vendor, the first that fits counts."""

    def __init__(self, *families: ModelFamily) -> None:
        self._families = families
        self._kept = lru_cache(256)(self._find)

    def of(self, model: str) -> ModelFamily:
        """Return the family of `model`, OTHERS when it belongs to none."""
        if not self._families:
            return OTHERS
        return (self._kept if len(model) <= _LONGEST_KEPT else self._find)(model)

    def _find(self, model: str) -> ModelFamily:
        name = model.lower()
        return next((family for family in self._families if re.fullmatch(family.names, name)), OTHERS)


NO_FAMILIES: Final = ModelFamilies()


def nearest_effort(wanted: str, efforts: tuple[str, ...]) -> str:
    """Return the effort among `efforts` nearest to `wanted`, the lesser of two; a word that is not known stays."""
    if not efforts or wanted in efforts or wanted not in EFFORTS:
        return wanted
    at = EFFORTS.index(wanted)
    return min(efforts, key=lambda effort: abs(EFFORTS.index(effort) - at))


def effort_of_budget(tokens: int) -> str | None:
    """Return the effort that a budget in tokens comes nearest to, for models that take no budget; None for none."""
    return next((effort for effort, most in _BUDGETS if tokens <= most), "high") if tokens else None


# developers.openai.com: reasoning models take no sampling but the default, those from 5.1 on while they don't think;
# stop sequences came back with 5.5; earlier models have neither reasoning effort nor verbosity.
OPENAI_FAMILIES: Final = ModelFamilies(
    ModelFamily(
        names=r"gpt-(?:4o|audio|realtime).*audio.*|gpt-audio.*",
        lacks=frozenset({"reasoning_effort", "verbosity"}),
        media=frozenset({"audio"}),
    ),
    ModelFamily(
        names=r"(?:ft:)?(?:gpt-3|gpt-4|chatgpt-|gpt-5-chat|babbage|davinci).*",
        lacks=frozenset({"reasoning_effort", "verbosity"}),
    ),
    ModelFamily(
        names=r"(?:ft:)?o\d(?:-.*)?",
        lacks=_SAMPLING | {"stop", "parallel_tool_calls", "verbosity"},
        efforts=("low", "medium", "high"),
    ),
    ModelFamily(names=r"gpt-5-pro.*", lacks=_SAMPLING | {"stop"}, efforts=("high",)),
    ModelFamily(names=r"gpt-5-codex.*", lacks=_SAMPLING | {"stop"}, efforts=("low", "medium", "high")),
    ModelFamily(names=r"gpt-5(?:-.*)?", lacks=_SAMPLING | {"stop"}, efforts=("minimal", "low", "medium", "high")),
    ModelFamily(names=r"gpt-5\.\d+-chat.*", lacks=_SAMPLING | {"stop"}, efforts=("medium",)),
    ModelFamily(names=r"gpt-5\.\d+-pro.*", lacks=_SAMPLING | {"stop"}, efforts=("medium", "high", "xhigh")),
    ModelFamily(
        names=r"gpt-5\.1-codex(?!-max).*",
        lacks=_SAMPLING | {"stop"},
        efforts=("low", "medium", "high"),
    ),
    ModelFamily(
        names=r"gpt-5\.\d+-codex.*",
        lacks=_SAMPLING | {"stop"},
        efforts=("low", "medium", "high", "xhigh"),
    ),
    ModelFamily(
        names=r"gpt-5\.1(?:-.*)?",
        lacks=frozenset({"stop"}),
        lacks_thinking=_SAMPLING,
        efforts=("none", "low", "medium", "high"),
        thinks=False,
    ),
    ModelFamily(
        names=r"gpt-5\.[2-4](?:-.*)?",
        lacks=frozenset({"stop"}),
        lacks_thinking=_SAMPLING,
        efforts=("none", "low", "medium", "high", "xhigh"),
        thinks=False,
    ),
    ModelFamily(
        names=r"gpt-(?:5\.\d+|[6-9]|\d\d).*",
        lacks_thinking=_SAMPLING,
        efforts=("none", "low", "medium", "high", "xhigh", "max"),
    ),
)
# api-docs.deepseek.com: the reasoner ignores sampling and refuses log probabilities.
DEEPSEEK_FAMILIES: Final = ModelFamilies(ModelFamily(names=r"deepseek-reasoner.*", lacks=_SAMPLING))
# Alibaba Cloud: which of Qwen's models hear and see.
QWEN_FAMILIES: Final = ModelFamilies(
    ModelFamily(names=r".*omni.*", media=frozenset({"audio", "video"})),
    ModelFamily(names=r".*(?:audio|asr).*", media=frozenset({"audio"})),
    ModelFamily(names=r".*-vl.*|qvq.*|qwen3\.[5-9].*", media=frozenset({"video"})),
)
# docs.bigmodel.cn: GLM's models with a v see films.
GLM_FAMILIES: Final = ModelFamilies(ModelFamily(names=r"glm-[\d.]+v.*", media=frozenset({"video"})))
