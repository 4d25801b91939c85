"""Tools that reach what not every caller may: an assistant reaches no further than whoever asks it."""

from chat_stream_service.domain.model.tool import Arguments, Tool, ToolContext, WrappedTool
from penstock_kit.context import current_context
from penstock_kit.role import require_scope


class ScopedTool(WrappedTool):
    """A tool for callers with a scope; others are told which one is missing, and so is the model.

    It is offered to all, so that an answer can say why it has no figures.
    """

    def __init__(self, tool: Tool, scope: str) -> None:
        super().__init__(tool)
        self._scope = scope

    async def call(self, arguments: Arguments, context: ToolContext) -> str:
        """Call the tool inside. Raises PermissionDenied (SCOPE_REQUIRED)."""
        require_scope(current_context().caller, self._scope)
        return await self._tool.call(arguments, context)
