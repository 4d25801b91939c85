"""The bounded, checked way of calling a tool."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chat_stream_service.domain.model.event import ToolCall, ToolResult
from chat_stream_service.domain.model.language_model import ToolSpec
from chat_stream_service.domain.model.tool import ArgumentChecker, Tool, ToolContext, ToolSource
from chat_stream_service.domain.tools.tool_catalog import ToolCatalog
from chat_stream_service.domain.tools.tool_statistics import ToolStatistics
from penstock_kit.errors import InvalidArgument, PenstockError
from penstock_kit.logging import get_logger

_SHOWN: Final = 300
# Tools left out that a warning names.
_NAMED: Final = 20
# Characters of arguments that are read; a model writes a few hundred.
_MAX_ARGUMENTS: Final = 262_144

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """Bounds of tool use: seconds a call, characters a result, calls at once, tools a model is told of.

    Vendors take 128 tools a request and refuse the whole request with more.
    """

    timeout: float = 30.0
    max_result_characters: int = 16_000
    max_parallel: int = 8
    max_offered: int = 128


class ToolBox:
    """The tools of the service, called so that nothing a model does wrong can end a turn.

    Unknown names, arguments that are no JSON or do not fit, failures and time-outs all come back as results with
    `is_error`, for the model to read and do better.
    """

    def __init__(
        self,
        tools: Iterable[Tool],
        *,
        checker: ArgumentChecker,
        limits: ToolLimits,
        sources: Callable[[], Sequence[ToolSource]] = tuple,
        statistics: ToolStatistics | None = None,
    ) -> None:
        self._catalog = ToolCatalog(tools, sources)
        self._statistics = statistics or ToolStatistics()
        self._checker = checker
        self._limits = limits
        self._left_out: tuple[str, ...] = ()

    def specs(self, names: Iterable[str] = ()) -> tuple[ToolSpec, ...]:
        """Return the tools as a model is told of them: those named, or all, the first ones when there are too many."""
        wanted = set(names)
        listed = self._catalog.tools()
        specs = tuple(item.spec for name, item in listed.items() if not wanted or name in wanted)
        if len(specs) > self._limits.max_offered:
            self._log_left_out(specs[self._limits.max_offered :])
        return specs[: self._limits.max_offered]

    def _log_left_out(self, specs: Sequence[ToolSpec]) -> None:
        """Warn once of each set of tools that no model is told of."""
        names = tuple(spec.name for spec in specs)
        if names != self._left_out:
            self._left_out = names
            shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
            log.warning("too many tools: some are not offered", most=self._limits.max_offered, left_out=shown)

    @property
    def max_parallel(self) -> int:
        """How many calls may run at once."""
        return self._limits.max_parallel

    async def call(
        self, call: ToolCall, raw_arguments: str, context: ToolContext, *, names: Iterable[str] = ()
    ) -> ToolResult:
        """Run one call and return its result, an error result included.

        `raw_arguments` is the text the model wrote, which need not be JSON. With `names` no other tool may be called.
        """
        now = asyncio.get_running_loop().time
        began = now()
        result = await self._answer(call, raw_arguments, context, frozenset(names))
        known = call.name in self._catalog.tools()
        self._statistics.called(call.name, known=known, is_error=result.is_error, seconds=now() - began)
        return result

    async def _answer(
        self, call: ToolCall, raw_arguments: str, context: ToolContext, names: frozenset[str]
    ) -> ToolResult:
        try:
            async with asyncio.timeout(self._limits.timeout):
                text = await self._checked(call.name, raw_arguments, context, names)
            return _result(call, bounded(text, context.max_characters))
        except PenstockError as error:
            return _result(call, bounded(error.message, context.max_characters), is_error=True)
        except TimeoutError:
            text = f"{call.name} took longer than {self._limits.timeout:g} s; ask for less, such as a shorter range"
            return _result(call, text, is_error=True)
        except Exception:
            log.exception("tool failed", tool=call.name)
            return _result(call, f"{call.name} failed inside; try another way", is_error=True)

    async def _checked(self, name: str, raw_arguments: str, context: ToolContext, names: frozenset[str]) -> str:
        listed = self._catalog.tools()
        known = [each for each in listed if not names or each in names]
        if name not in known:
            raise _refusal(f"there is no tool {name!r}; the tools are {', '.join(known) or 'none'}")
        tool = listed[name].tool
        arguments = _parsed(name, raw_arguments)
        problems = await self._checker.problems(tool.schema, arguments)
        if problems:
            raise _refusal(f"arguments of {name} do not fit its schema: {'; '.join(problems)}")
        return await tool.call(arguments, context)

    def context(self, *, tenant_id: str, user_id: str, conversation_id: str, stream_id: str) -> ToolContext:
        """Return the context for the calls of one turn."""
        return ToolContext(
            tenant_id=tenant_id,
            user_id=user_id,
            conversation_id=conversation_id,
            stream_id=stream_id,
            max_characters=self._limits.max_result_characters,
        )


def bounded(text: str, limit: int) -> str:
    """Return `text`, cut to `limit` characters with a note that says so."""
    if len(text) <= limit:
        return text
    note = (
        f"\n[truncated: {limit:,} of {len(text):,} characters; ask for less, such as fewer fields or a shorter range]"
    )
    return text[: max(0, limit - len(note))] + note


def _parsed(name: str, raw: str) -> Any:
    if len(raw) > _MAX_ARGUMENTS:
        raise _refusal(f"arguments of {name} have {len(raw):,} characters; at most {_MAX_ARGUMENTS:,} are read")
    try:
        return json.loads(raw or "{}")
    except RecursionError:
        raise _refusal(f"arguments of {name} are nested too deeply") from None
    except ValueError as error:
        shown = raw if len(raw) <= _SHOWN else raw[:_SHOWN] + "…"
        raise _refusal(f"arguments of {name} are not JSON ({error}): {shown}") from error


def _refusal(text: str) -> PenstockError:
    return InvalidArgument(text, reason="TOOL_ARGUMENTS_INVALID")


def _result(call: ToolCall, text: str, *, is_error: bool = False) -> ToolResult:
    return ToolResult(tool_call_id=call.tool_call_id, name=call.name, content=text, is_error=is_error)
