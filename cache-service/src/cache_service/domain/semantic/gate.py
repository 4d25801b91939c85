"""What may be cached by meaning at all: rules on a question, and on the answer to be stored."""

import re
from dataclasses import dataclass
from typing import Final

from penstock_kit.text import Reading
from penstock_kit.text.passing import is_passing

MAX_QUESTION_CHARACTERS: Final = 2_000
MAX_ANSWER_BYTES: Final = 256 * 1024
_ANSWER_READ: Final = 4_096
# Questions about the one who asks, or about what was said before.
_PERSONAL: Final = re.compile(
    r"\b(?:who am i|what(?:'s| is) my name|my (?:birthday|age|address|account|balance|order|orders|invoice|salary)|"
    r"(?:did|have) i (?:just )?(?:say|said|ask|asked|tell|told)|remember (?:that|me|what)|do you remember)\b"
    r"|我是谁|我叫什么|我的(?:名字|生日|年龄|地址|余额|订单|工资)|我刚才|还记得",
    re.IGNORECASE,
)
# Questions whose point is another answer each time.
_RANDOM: Final = re.compile(
    r"\b(?:random(?:ly)?|roll (?:a|the) dice|flip a coin|surprise me|uuid|guid"
    r"|another (?:one|joke|idea|example|story))\b"
    r"|随机|抛硬币|掷骰子|换一个|再来一个",
    re.IGNORECASE,
)
_ANSWERED_FOR_NOW: Final = re.compile(
    r"\bas of (?:today|now|this|my last|\w+ \d|\d)|\b(?:today|it) is (?:mon|tues|wednes|thurs|fri|satur|sun)day\b"
    r"|\b(?:right now|at the moment|the current time|today's date|today is|currently)\b"
    r"|现在是|今天是|目前|截至|当前时间",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticAnswer:
    """What is known of an answer that may be stored. `temperature` is None for the vendor's default."""

    finish_reason: str
    tool_calls: int = 0
    failed: bool = False
    temperature: float | None = None
    text: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Says by a word why something is not cached; empty when it may be. `hottest` is the highest temperature."""

    hottest: float = 1.0

    def question(self, reading: Reading) -> str:
        """Return why a question is neither looked up nor stored."""
        text = reading.text
        if len(text) > MAX_QUESTION_CHARACTERS:
            return "length"
        if is_passing(text):
            return "time"
        if _PERSONAL.search(text):
            return "personal"
        if _RANDOM.search(text):
            return "random"
        return "" if reading.content else "empty"

    def answer(self, answer: SemanticAnswer, value: bytes) -> str:
        """Return why an answer is not stored."""
        rules = (
            ("error", answer.failed),
            ("tool_call", answer.tool_calls > 0),
            ("truncated", answer.finish_reason != "stop"),
            ("temperature", answer.temperature is not None and answer.temperature > self.hottest),
            ("empty", not answer.text.strip()),
            ("length", len(value) > MAX_ANSWER_BYTES),
            ("time", _ANSWERED_FOR_NOW.search(answer.text[:_ANSWER_READ]) is not None),
        )
        return next((rule for rule, is_broken in rules if is_broken), "")
