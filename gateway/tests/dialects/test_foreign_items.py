"""What only a vendor's own servers know goes no further and is named, each kind of it; what is nobody's is refused."""

import pytest

from gateway.dialects.anthropic.content import parts_to_proto
from gateway.dialects.anthropic.request import message_request_from_json
from gateway.dialects.responses.message import messages_to_proto
from gateway.dialects.responses.tool import ResponseTools
from penstock_kit.errors import InvalidArgument

TEXT = {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    "kind",
    [
        "server_tool_use", "mcp_tool_use", "tool_reference", "container_upload", "compaction", "fallback",
        "web_search_tool_result", "mcp_tool_result",
    ],
)  # fmt: skip
def test_a_block_of_anthropics_own_servers_is_named_and_the_rest_goes_on(kind: str) -> None:
    dropped: list[str] = []
    parts = parts_to_proto([TEXT, {"type": kind, "id": "1"}, TEXT], "messages[0].content", dropped)
    assert (len(parts), dropped) == (2, [f"messages.{kind}"])


@pytest.mark.parametrize(
    "kind",
    [
        "compaction", "context_compaction", "compaction_summary", "mcp_list_tools", "web_search_call",
        "computer_call_output", "mcp_approval_request", "mcp_approval_response", "plan_update", "file_snapshot",
    ],
)  # fmt: skip
def test_an_item_of_openais_own_servers_is_named_and_the_rest_goes_on(kind: str) -> None:
    tools = ResponseTools()
    messages = messages_to_proto("", [{"role": "user", "content": "x"}, {"type": kind, "id": "1"}], tools)
    assert (len(messages), tools.dropped) == (1, [f"input.{kind}"])


@pytest.mark.parametrize("kind", ["telepathy", "compactions", "item_reference"])
def test_an_item_that_nobody_knows_is_refused_with_its_place(kind: str) -> None:
    with pytest.raises(InvalidArgument, match=r"input\[0\]\.type"):
        messages_to_proto("", [{"type": kind}], ResponseTools())


@pytest.mark.parametrize(
    ("kind", "is_offered"),
    [
        ("custom", True), ("bash_20250124", True), ("text_editor_20250728", True), ("computer_20250124", True),
        ("memory_20250818", True), ("web_search_20250305", False), ("code_execution_20250522", False),
    ],
)  # fmt: skip
def test_a_tool_that_the_caller_runs_is_offered_and_one_of_anthropics_servers_named(
    kind: str, is_offered: bool
) -> None:
    tool = {"type": kind, "name": "t"}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "tools": [tool]}
    request = message_request_from_json(body)
    assert [each.name for each in request.completion.tools] == (["t"] if is_offered else [])
    assert request.dropped == (() if is_offered else (f"tools.{kind}",))
