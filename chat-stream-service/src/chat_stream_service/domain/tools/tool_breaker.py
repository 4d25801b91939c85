"""A tool behind a breaker: a server that is down costs one caller its timeout, not every turn."""

from typing import Final

from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext, WrappedTool
from penstock_kit.breaker import Breaker
from penstock_kit.errors import ErrorKind, PenstockError, Unavailable
from penstock_kit.logging import get_logger

# What says that the server is not well; anything else is about the one call.
_OUTAGES: Final = frozenset(
    {ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.BAD_UPSTREAM, ErrorKind.INTERNAL}
)

log = get_logger(__name__)


class BreakerTool(WrappedTool):
    """A :class:`Tool` that answers Unavailable (TOOL_UNAVAILABLE) at once while its server's breaker is open."""

    def __init__(self, tool: Tool, breaker: Breaker) -> None:
        super().__init__(tool)
        self._breaker = breaker

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Call the tool unless its server is out of order."""
        if not self._breaker.try_acquire():
            seconds = self._breaker.wait()
            text = f"{self.name} is out of order; it is tried again in {seconds:.0f} s. Go on without it"
            raise Unavailable(text, reason="TOOL_UNAVAILABLE", retry_after=seconds)
        verdict = False
        try:
            result = await self._tool.call(arguments, context)
            verdict = True
        except PenstockError as error:
            verdict = True
            self._record(error)
            raise
        finally:
            if not verdict:
                self._breaker.record_abandoned()
        self._breaker.record_success()
        return result

    def _record(self, error: PenstockError) -> None:
        if error.kind not in _OUTAGES:
            self._breaker.record_success()
        elif self._breaker.record_failure():
            log.warning("tool is out of order", tool=self.name, reason=error.reason, detail=error.message)
