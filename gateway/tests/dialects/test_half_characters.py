"""Questions with half a character, as programs send them that cut a text: answered, not refused for ever."""

from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

HALF = b'"cut \\ud83d"'
MESSAGES = b'"messages":[{"role":"user","content":' + HALF + b"}]"
BODIES = {
    "/v1/chat/completions": b'{"model":"m",' + MESSAGES + b"}",
    "/v1/responses": b'{"model":"m","input":' + HALF + b"}",
    "/v1/messages": b'{"model":"m","max_tokens":9,' + MESSAGES + b"}",
}


@pytest.mark.parametrize("path", BODIES)
async def test_half_a_character_in_a_question_costs_that_character_alone(gateway: Any, path: str) -> None:
    answer = await gateway.client.post(path, content=BODIES[path], headers=gateway.auth())
    assert answer.status_code == 200
    assert gateway.fakes.llm.completions[-1].messages[0].parts[0].text == "cut \ufffd"


@pytest.mark.parametrize("path", [*BODIES, "/v1/embeddings", "/v1/messages/count_tokens"])
async def test_a_body_that_is_wrong_otherwise_is_refused_where_it_breaks(gateway: Any, path: str) -> None:
    answer = await gateway.client.post(path, content=b'{"input": "\\ud83d", "a": NaN}', headers=gateway.auth())
    assert (answer.status_code, "is not JSON" in answer.text) == (400, True)
