"""Fields of the dialects with values of any kind and size: answered or refused, never failed on."""

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKED = [{"role": "user", "content": "hi"}]
SURFACES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "openai/m", "messages": ASKED},
    "/v1/responses": {"model": "openai/m", "input": "hi"},
    "/v1/messages": {"model": "openai/m", "max_tokens": 10, "messages": ASKED},
    "/v1/messages/count_tokens": {"model": "openai/m", "messages": ASKED},
    "/v1/embeddings": {"model": "openai/m", "input": "hi"},
}
FIELDS = (
    "seed", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "temperature", "top_p", "top_k",
    "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias", "stop", "stop_sequences", "user",
    "metadata", "thinking", "reasoning", "reasoning_effort", "response_format", "tools", "tool_choice", "stream",
    "stream_options", "text", "system", "instructions", "dimensions", "encoding_format", "input", "messages", "model",
    "service_tier", "store", "parallel_tool_calls", "functions", "modalities", "prediction", "include", "truncation",
)  # fmt: skip
ODD: tuple[Any, ...] = (
    2**31, -(2**31) - 1, 2**63, -(2**63), 10**30, -1, 0, 1.5, 1e300, -1e300, True, "x", "9" * 5000, "\x00", [], [[]],
    [None], [1], {}, {"type": "x"}, {"type": []}, {"type": "enabled", "budget_tokens": 2**40}, {"": {"a": [2**70]}},
)  # fmt: skip
MESSAGES: tuple[Any, ...] = (
    "x", None, [], 1, {"role": "user"}, {"role": []}, {"role": "x", "content": "y"}, {"role": "user", "content": 2**70},
    {"role": "user", "content": [1]}, {"role": "user", "content": [{"type": []}]}, {"role": "tool", "content": "x"},
    {"role": "user", "content": [{"type": "text"}]}, {"role": "assistant", "tool_calls": [{"id": 1}]},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,???"}}]},
    {"role": "user", "content": [{"type": "image", "source": {"type": [], "data": 1}}]},
    {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}]},
)  # fmt: skip


@pytest.mark.parametrize("path", SURFACES)
async def test_no_value_of_a_field_is_failed_on(gateway: Any, path: str) -> None:
    bodies = [{**SURFACES[path], field: value} for field in FIELDS for value in ODD]
    bodies += [{**SURFACES[path], field: [message]} for field in ("messages", "input") for message in MESSAGES]
    failed: list[Any] = []
    for body in bodies:
        answer = await gateway.client.post(path, json=body, headers=gateway.auth())
        if answer.status_code >= 500 and answer.status_code != 501:
            failed.append((answer.status_code, str(body)[-200:]))
    assert failed == []
