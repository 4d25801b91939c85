"""What a client is told whose base URL lacks /v1, or has it twice."""

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")
OPENAI = "http://HOST:PORT/v1,"
ANTHROPIC = "without /v1, http://HOST:PORT,"


@pytest.mark.parametrize("before", ["", "/v1/v1", "/v1/", "/api/v1", "/api", "/openai/v1", "/v2"])
@pytest.mark.parametrize("end", ["/chat/completions", "/responses", "/embeddings", "/models", "/models/openai/gpt-5"])
async def test_an_openai_client_with_another_base_url_is_told_the_right_one(gateway, before, end):
    method = "GET" if end.startswith("/models") else "POST"
    answer = await gateway.client.request(method, f"{before}{end}", headers=gateway.auth())
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "route_not_found")
    assert repr(f"{before}{end}") in error["message"]
    assert OPENAI in error["message"]
    assert error["message"].endswith(f" /v1{end}")


@pytest.mark.parametrize("before", ["", "/v1/v1", "/api/v1", "/anthropic"])
@pytest.mark.parametrize("end", ["/messages", "/messages/count_tokens", "/models"])
async def test_an_anthropic_client_with_another_base_url_is_told_the_right_one(gateway, before, end):
    headers = gateway.auth() | {"anthropic-version": "2023-06-01"}
    method = "GET" if end == "/models" else "POST"
    answer = await gateway.client.request(method, f"{before}{end}", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (404, "error")
    assert answer.json()["error"]["type"] == "not_found_error"
    assert ANTHROPIC in answer.json()["error"]["message"]
    assert answer.json()["error"]["message"].endswith(f" /v1{end}")


@pytest.mark.parametrize("before", ["/v1", "/api/v1"])
async def test_a_client_of_our_own_with_a_path_in_its_base_url_is_told_the_right_one(gateway, before):
    answer = await gateway.client.get(f"{before}/api/v1/conversations", headers=gateway.auth())
    assert (answer.status_code, answer.json()["reason"]) == (404, "ROUTE_NOT_FOUND")
    assert "without a path, http://HOST:PORT, so that" in answer.json()["detail"]
    assert answer.json()["detail"].endswith(" /api/v1/conversations")


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1/nothing", "/chat/completions/nothing", "/my-models", "/api/v1/nothing"]
)
async def test_a_path_of_no_client_is_said_to_be_none(gateway, path):
    answer = await gateway.client.get(path, headers=gateway.auth())
    assert answer.status_code == 404
    assert "there is no such path; /docs lists those that are" in answer.text


async def test_what_a_route_does_not_find_keeps_its_own_words(gateway):
    answer = await gateway.client.get("/v1/models/nothing", headers=gateway.auth())
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
