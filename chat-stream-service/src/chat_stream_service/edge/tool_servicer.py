"""ToolService over gRPC: the device tools without a chat around them."""

# The methods have the RPCs' names.
# ruff: noqa: N802

from typing import Any

from penstock.chat.v1 import chat_pb2, chat_pb2_grpc
from penstock.common.v1 import common_pb2

from chat_stream_service.domain.model.event import ToolCall
from chat_stream_service.domain.tools.tool_box import ToolBox
from penstock_kit.context import current_context


class ToolServicer(chat_pb2_grpc.ToolServiceServicer):
    """Lists and calls tools for the caller; whatever a call does wrong is a result with `is_error`."""

    def __init__(self, tools: ToolBox) -> None:
        self._tools = tools

    async def ListTools(self, request: chat_pb2.ListToolsRequest, context: Any) -> chat_pb2.ListToolsResponse:
        """List the tools."""
        tools = [
            common_pb2.ToolDefinition(name=spec.name, description=spec.description, parameters_json=spec.schema_json)
            for spec in self._tools.specs()
        ]
        return chat_pb2.ListToolsResponse(tools=tools)

    async def CallTool(self, request: chat_pb2.CallToolRequest, context: Any) -> chat_pb2.CallToolResponse:
        """Run one tool."""
        caller = current_context().caller
        within = self._tools.context(
            tenant_id=caller.tenant_id, user_id=caller.user_id, conversation_id="", stream_id=""
        )
        call = ToolCall(tool_call_id="", name=request.name, arguments_json=request.arguments_json)
        result = await self._tools.call(call, request.arguments_json, within)
        return chat_pb2.CallToolResponse(content=result.content, is_error=result.is_error)
