"""About how many tokens a prompt is, for vendors that send no count. Marked as estimated wherever it appears."""

from collections.abc import Iterable
from typing import Final

from llm_service.domain.model.message import ImagePart, Message, TextPart
from llm_service.domain.model.request import CompletionRequest
from penstock_kit.token_estimate import estimate_tokens

# What a message costs beside its parts, and a picture, in tokens.
_PER_MESSAGE: Final = 4
_PER_IMAGE: Final = 765


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
