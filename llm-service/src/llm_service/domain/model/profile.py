"""Vendors as data: name, base URL, dialect, and deviations from the dialect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from llm_service.domain.model.model_family import (
    DEEPSEEK_FAMILIES,
    GLM_FAMILIES,
    NO_FAMILIES,
    OPENAI_FAMILIES,
    QWEN_FAMILIES,
    ModelFamilies,
)
from llm_service.domain.model.request import ToolMode


class ThinkingBack(StrEnum):
    """Which reasoning of an assistant's earlier messages an OpenAI-alike gets back, as `reasoning_content`.

    TOOL_TURNS: that of turns with tool calls (older models of the vendor refuse any other). REQUIRED: the same,
    and the field is there though the reasoning was another vendor's, for without it the turn is refused.
    """

    NEVER = "never"
    TOOL_TURNS = "tool_turns"
    REQUIRED = "required"


class ThinkingKnob(StrEnum):
    """The parameter by which an OpenAI-alike is told to reason."""

    EFFORT = "effort"
    ENABLE_THINKING = "enable_thinking"
    THINKING_TYPE = "thinking_type"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolNames:
    """The names of tools that a vendor takes: those that match `pattern`; at most `longest` letters pass it."""

    pattern: str
    longest: int


OPENAI_TOOL_NAMES: Final = ToolNames(pattern=r"[A-Za-z0-9_-]{1,64}", longest=64)
ANTHROPIC_TOOL_NAMES: Final = ToolNames(pattern=r"[A-Za-z0-9_-]{1,128}", longest=128)
GEMINI_TOOL_NAMES: Final = ToolNames(pattern=r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}", longest=64)
ALL_MEDIA: Final = frozenset({"image", "file", "audio", "video"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """Where an OpenAI-alike deviates from OpenAI. As they are by default, they fit a server of one's own.

    `lacks` are knobs by their OpenAI name that the vendor refuses or ignores; `passes` are the extra
    ones that are handed through (None: all of them, as self-hosted servers like it). `one_system` says that one system
    message is taken, the first. `tool_choices` are the ways of choosing a tool that are taken, `tool_names` the names
    (None: any), `media` the kinds of content besides text. `hottest` is the highest temperature, `most_stops` the
    number of stop sequences, `longest_user` the letters of a caller's name for its user. `families` are models of the
    vendor's that take something else.
    """

    max_tokens: str = "max_tokens"
    thinking: ThinkingKnob = ThinkingKnob.NONE
    thinking_back: ThinkingBack = ThinkingBack.NEVER
    stream_usage: bool = True
    json_schema: bool = True
    lacks: frozenset[str] = frozenset()
    passes: frozenset[str] | None = None
    one_system: bool = True
    tool_choices: frozenset[ToolMode] = frozenset(ToolMode)
    tool_names: ToolNames | None = None
    media: frozenset[str] = ALL_MEDIA
    hottest: float | None = None
    most_stops: int | None = None
    longest_user: int | None = None
    families: ModelFamilies = NO_FAMILIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One row of the table of vendors: the defaults of every profile of that vendor."""

    name: str
    dialect: str
    base_url: str = ""
    models: tuple[str, ...] = ()
    quirks: Quirks = Quirks()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """The file of recorded traffic with a vendor of `dialect`: replayed from `file`, or recorded into it."""

    file: str
    dialect: str = "openai"
    record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderProfile:
    """A configured provider. `keys` are secrets: they go into request headers and nowhere else.

    `proxy` is the URL of the proxy that calls take, empty for none; it may hold a password.
    """

    name: str
    dialect: str
    models: tuple[str, ...]
    base_url: str = ""
    keys: tuple[str, ...] = field(default=(), repr=False)
    quirks: Quirks = Quirks()
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    weight: float = 1.0
    cassette: Cassette | None = None
    proxy: str = field(default="", repr=False)


_OPENAI_EXTRAS: Final = frozenset(
    {
        "audio",
        "logit_bias",
        "metadata",
        "modalities",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        "web_search_options",
    }
)

VENDORS: Final[tuple[Vendor, ...]] = (
    Vendor(
        name="gemini",
        dialect="gemini",
        models=("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-2.5-flash", "gemini-embedding-001"),
    ),
    Vendor(
        name="openai",
        dialect="openai",
        base_url="https://api.openai.com/v1",
        models=("gpt-5-mini", "gpt-5", "gpt-5-nano", "gpt-4.1-mini", "text-embedding-3-small"),
        quirks=Quirks(
            max_tokens="max_completion_tokens",
            thinking=ThinkingKnob.EFFORT,
            lacks=frozenset({"top_k"}),
            passes=_OPENAI_EXTRAS,
            one_system=False,
            tool_names=OPENAI_TOOL_NAMES,
            media=frozenset({"image", "file"}),
            most_stops=4,
            longest_user=64,
            families=OPENAI_FAMILIES,
        ),
    ),
    Vendor(
        name="anthropic",
        dialect="anthropic",
        models=("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5"),
    ),
    Vendor(
        name="qwen",
        dialect="openai",
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        models=("qwen-plus", "qwen-max", "qwen-turbo", "text-embedding-v4"),
        quirks=Quirks(
            thinking=ThinkingKnob.ENABLE_THINKING,
            lacks=frozenset({"frequency_penalty"}),
            passes=frozenset({"repetition_penalty", "enable_search", "search_options", "user"}),
            tool_choices=frozenset({ToolMode.DEFAULT, ToolMode.AUTO, ToolMode.NONE, ToolMode.NAMED}),
            tool_names=OPENAI_TOOL_NAMES,
            media=frozenset({"image"}),
            hottest=1.99,
            families=QWEN_FAMILIES,
        ),
    ),
    Vendor(
        name="glm",
        dialect="openai",
        base_url="https://open.bigmodel.cn/api/paas/v4",
        models=("glm-4.6", "glm-4.5-air", "embedding-3"),
        quirks=Quirks(
            thinking=ThinkingKnob.THINKING_TYPE,
            thinking_back=ThinkingBack.TOOL_TURNS,
            json_schema=False,
            lacks=frozenset(
                {"frequency_penalty", "presence_penalty", "seed", "logprobs", "top_logprobs", "n", "top_k"}
            ),
            passes=frozenset({"do_sample", "request_id", "user_id"}),
            one_system=False,
            tool_choices=frozenset({ToolMode.DEFAULT, ToolMode.AUTO}),
            tool_names=OPENAI_TOOL_NAMES,
            media=frozenset({"image"}),
            hottest=1.0,
            most_stops=1,
            families=GLM_FAMILIES,
        ),
    ),
    Vendor(
        name="deepseek",
        dialect="openai",
        base_url="https://api.deepseek.com/v1",
        models=("deepseek-chat", "deepseek-reasoner"),
        quirks=Quirks(
            thinking=ThinkingKnob.THINKING_TYPE,
            thinking_back=ThinkingBack.REQUIRED,
            json_schema=False,
            lacks=frozenset({"seed", "n", "top_k", "parallel_tool_calls"}),
            passes=frozenset(),
            one_system=False,
            tool_names=OPENAI_TOOL_NAMES,
            media=frozenset(),
            most_stops=16,
            families=DEEPSEEK_FAMILIES,
        ),
    ),
)

FALLBACK_PROFILE: Final = ProviderProfile(name="fallback", dialect="rules", models=("rules", "hashing"))


def vendor(name: str) -> Vendor | None:
    """Return the row of vendor `name`."""
    return next((row for row in VENDORS if row.name == name), None)
