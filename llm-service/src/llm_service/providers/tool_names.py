"""Names of tools that a vendor does not take: shortened on the way there, given back in full."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from llm_service.domain.model.message import Message
from llm_service.domain.model.profile import ToolNames
from llm_service.domain.model.request import CompletionRequest

_ODD: Final = re.compile(r"[^A-Za-z0-9_-]")
_MARK: Final = 8
NO_NAMES: Final[Mapping[str, str]] = {}


def fit_tool_names(request: CompletionRequest, rule: ToolNames | None) -> tuple[CompletionRequest, Mapping[str, str]]:
    """Return `request` with names of tools that `rule` lets through, and what each of the changed ones stands for."""
    if rule is None or not (request.tools or any(message.tool_calls for message in request.messages)):
        return request, NO_NAMES
    fitted = {name: _fitted(name, rule) for name in _names(request) if not re.fullmatch(rule.pattern, name)}
    if not fitted:
        return request, NO_NAMES
    choice = request.tool_choice
    changed = replace(
        request,
        tools=tuple(replace(tool, name=fitted.get(tool.name, tool.name)) for tool in request.tools),
        tool_choice=replace(choice, name=fitted.get(choice.name, choice.name)),
        messages=tuple(_renamed(message, fitted) for message in request.messages),
    )
    return changed, {short: name for name, short in fitted.items()}


def _names(request: CompletionRequest) -> Iterable[str]:
    yield from {tool.name for tool in request.tools}
    for message in request.messages:
        for call in message.tool_calls:
            yield call.name


def _fitted(name: str, rule: ToolNames) -> str:
    """What is left of a name, with a mark that tells it from others that begin alike."""
    mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_MARK]
    plain = _ODD.sub("_", name)
    if not plain[:1].isalpha():
        plain = f"_{plain}"
    return f"{plain[: rule.longest - _MARK - 1]}_{mark}"


def _renamed(message: Message, fitted: Mapping[str, str]) -> Message:
    if not message.tool_calls and message.name not in fitted:
        return message
    calls = tuple(replace(call, name=fitted.get(call.name, call.name)) for call in message.tool_calls)
    return replace(message, tool_calls=calls, name=fitted.get(message.name, message.name))
