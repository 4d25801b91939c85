"""Token counts by rule, for answers whose vendor sends none. Marked as estimated wherever they appear."""

import re
from collections.abc import Iterable
from math import ceil
from typing import Final

from llm_service.domain.model.message import ImagePart, Message, TextPart
from llm_service.domain.model.request import CompletionRequest

_CHARACTERS_PER_TOKEN: Final = 4.0
_WIDE_PER_TOKEN: Final = 1.5
_WIDE: Final = re.compile("[\u2e80-\U0010ffff]")
_PER_MESSAGE: Final = 4
# Characters of a text beyond ASCII that are looked at.
_COUNTED: Final = 30_000
_PER_IMAGE: Final = 765


def estimate_tokens(text: str) -> int:
    """Return about how many tokens `text` is: 4 characters each, 1.5 for scripts outside ASCII."""
    if text.isascii():
        return ceil(len(text) / _CHARACTERS_PER_TOKEN)
    if len(text) > _COUNTED:
        # So long a text is judged by its beginning, middle and end: the work is the same however long it is.
        middle, third = len(text) // 2, _COUNTED // 3
        sample = text[:third] + text[middle : middle + third] + text[-third:]
        return ceil(estimate_tokens(sample) * len(text) / len(sample))
    wide = len(_WIDE.findall(text))
    return ceil((len(text) - wide) / _CHARACTERS_PER_TOKEN + wide / _WIDE_PER_TOKEN)


def estimate_prompt(request: CompletionRequest) -> int:
    """Return about how many tokens the messages and tools of `request` are."""
    tools = sum(estimate_tokens(tool.name + tool.description + tool.parameters) for tool in request.tools)
    return tools + sum(map(_message_tokens, request.messages))


def estimate_texts(texts: Iterable[str]) -> int:
    """Return about how many tokens `texts` are together."""
    return sum(map(estimate_tokens, texts))


def _message_tokens(message: Message) -> int:
    tokens = _PER_MESSAGE
    for part in message.parts:
        if isinstance(part, TextPart):
            tokens += estimate_tokens(part.text)
        elif isinstance(part, ImagePart):
            tokens += _PER_IMAGE
    return tokens + sum(estimate_tokens(call.name + call.arguments) for call in message.tool_calls)
