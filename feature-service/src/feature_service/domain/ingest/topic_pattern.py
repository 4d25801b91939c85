"""Patterns of topics, such as ``plant/+/{device}/telemetry``: which topics have rows, and of which device."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from penstock_kit.errors import InvalidArgument

DEVICE: Final = "{device}"
MODEL: Final = "{model}"
_NAMES: Final = (DEVICE, MODEL)
_LONGEST: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a topic says of its messages: the code of the device and of the data model.

    One is empty where the pattern does not name it, and only there: then the payload may.
    """

    device_code: str = ""
    model_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPattern:
    """A pattern of topics by level: a text, ``+``, ``{device}``, ``{model}``, and ``#`` at the end.

    A topic that begins with ``$`` is the broker's own: as MQTT says, only a pattern that begins with that text has it.
    """

    levels: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "TopicPattern":
        """Return the pattern that `text` is. Raises InvalidArgument TOPIC_INVALID with what is wrong."""
        levels = tuple(text.split("/"))
        if why := _wrong(text, levels):
            raise InvalidArgument(f"topic {text!r} {why}", reason="TOPIC_INVALID")
        return cls(levels=levels)

    def __str__(self) -> str:
        return "/".join(self.levels)

    @property
    def filter(self) -> str:
        """What the broker is asked for: the pattern with ``+`` for the names."""
        return "/".join("+" if level in _NAMES else level for level in self.levels)

    def match(self, topic: str) -> Origin | None:
        """Return what `topic` says, None when the pattern does not have it. A share group is no part of a topic.

        Raises InvalidArgument TOPIC_INVALID when the level that has to name the device or the model is empty: the
        payload must not name another one in its place.
        """
        named = self._named(topic)
        if named is None:
            return None
        if missing := next((name for name, part in named.items() if not part), ""):
            raise InvalidArgument(
                f"the topic names no {missing}: that level of {self} is empty", reason="TOPIC_INVALID"
            )
        return Origin(device_code=named.get(DEVICE, ""), model_code=named.get(MODEL, ""))

    def has(self, topic: str) -> bool:
        """Return whether the broker gives messages of `topic` for the pattern."""
        return self._named(topic) is not None

    def _named(self, topic: str) -> dict[str, str] | None:
        """The levels of `topic` that stand for a name; None when the pattern does not have it."""
        given, levels = topic.split("/"), self.levels
        if levels[-1] == "#":
            levels = levels[:-1]
            if len(given) < len(levels):
                return None
        elif len(given) != len(levels):
            return None
        if not topic or (topic.startswith("$") and self.levels[0] in (*_NAMES, "+", "#")):
            return None
        named: dict[str, str] = {}
        for level, part in zip(levels, given, strict=False):
            if level in _NAMES:
                named[level] = part
            elif level not in ("+", part):
                return None
        return named


def topic_patterns(text: str) -> tuple[TopicPattern, ...]:
    """Return the patterns that `text` lists, separated by commas. Raises InvalidArgument TOPIC_INVALID."""
    listed = [each.strip() for each in text.split(",") if each.strip()]
    if not listed:
        raise InvalidArgument("no topic is named; write plant/{device}/telemetry", reason="TOPIC_INVALID")
    return tuple(TopicPattern.parse(each) for each in listed)


def origin_of(topic: str, patterns: Sequence[TopicPattern]) -> Origin:
    """Return what `topic` says by the first of the patterns that has it.

    Raises InvalidArgument TOPIC_INVALID when none has it, or a name in it is empty.
    """
    for pattern in patterns:
        if (found := pattern.match(topic)) is not None:
            return found
    raise InvalidArgument(
        "the topic is of no pattern of MQTT_TOPICS" if topic else "the topic is empty or no UTF-8",
        reason="TOPIC_INVALID",
    )


def _wrong(text: str, levels: tuple[str, ...]) -> str:
    if not text or "\0" in text or len(text.encode(errors="replace")) > _LONGEST:
        return "must have 1 to 65535 bytes"
    if levels[0] == "$share":
        return "names a share group; leave it out here and name the group with MQTT_SHARE_GROUP"
    if "#" in levels[:-1]:
        return "may have # at its end only"
    for level in levels:
        if level not in (*_NAMES, "+", "#") and any(mark in level for mark in "+#{}"):
            return f"has the level {level!r}; a level is a text, +, {DEVICE}, {MODEL}, or # at the end"
    if any(levels.count(name) > 1 for name in _NAMES):
        return "names the device or the model twice"
    return ""
