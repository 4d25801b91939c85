"""The models a key may use, in the shapes of both dialects, and HEAD wherever there is a GET."""

import re

import anthropic
import httpx
import pytest
from penstock.llm.v1 import llm_pb2 as pb

from penstock_testkit.waiting import HANG_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.fixture
def listed(gateway):
    gateway.fakes.llm.models = [
        pb.Model(id="local/qwen3", provider="local", aliases=["fast"], capabilities=["chat"]),
        pb.Model(id="openai/qwen3", provider="openai", capabilities=["chat"]),
        pb.Model(id="fast", provider="local", targets=["local/qwen3"], capabilities=["chat"]),
    ]
    return gateway


async def get(gateway, path, *, status=200, headers=None):
    answer = await gateway.client.get(path, headers={**gateway.auth(), **(headers or {})})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_models_and_aliases_are_listed_in_openais_shape(listed):
    body = await get(listed, "/v1/models")
    assert body["object"] == "list"
    assert [model["id"] for model in body["data"]] == ["local/qwen3", "openai/qwen3", "fast"]
    assert {(model["object"], model["created"]) for model in body["data"]} == {("model", 0)}
    assert body["data"][2]["targets"] == ["local/qwen3"]


@pytest.mark.parametrize(
    ("name", "found"), [("local/qwen3", "local/qwen3"), ("openai/qwen3", "openai/qwen3"), ("qwen3", "local/qwen3")]
)
async def test_a_model_is_found_by_its_id_and_by_its_bare_name(listed, name, found):
    assert (await get(listed, f"/v1/models/{name}"))["id"] == found


async def test_an_alias_is_found_by_its_own_name(listed):
    assert await get(listed, "/v1/models/fast") == {
        "id": "fast", "object": "model", "created": 0, "owned_by": "local", "aliases": [], "capabilities": ["chat"],
        "targets": ["local/qwen3"],
    }  # fmt: skip


async def test_a_model_that_is_not_listed_is_not_found_in_either_shape(listed):
    assert (await get(listed, "/v1/models/gpt-9", status=404))["error"]["code"] == "model_not_found"
    refused = await get(listed, "/v1/models/gpt-9", status=404, headers=ANTHROPIC)
    assert (refused["type"], refused["error"]["type"]) == ("error", "not_found_error")


async def test_callers_that_speak_anthropic_get_anthropics_shape(listed):
    model = {"type": "model", "created_at": "1970-01-01T00:00:00Z"}
    names = ("local/qwen3", "openai/qwen3", "fast")
    assert await get(listed, "/v1/models", headers=ANTHROPIC) == {
        "data": [{**model, "id": name, "display_name": name} for name in names],
        "has_more": False,
        "first_id": "local/qwen3",
        "last_id": "fast",
    }
    one = await get(listed, "/v1/models/qwen3", headers=ANTHROPIC)
    assert one == {**model, "id": "local/qwen3", "display_name": "local/qwen3"}


async def test_callers_that_speak_anthropic_are_offered_no_model_that_embeds(listed):
    listed.fakes.llm.models.insert(0, pb.Model(id="fallback/hashing", provider="fallback", capabilities=["embedding"]))
    page = await get(listed, "/v1/models?limit=1", headers=ANTHROPIC)
    assert (page["first_id"], page["has_more"]) == ("local/qwen3", True)
    assert next(model["id"] for model in (await get(listed, "/v1/models"))["data"]) == "fallback/hashing"


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("limit=2", ["local/qwen3", "openai/qwen3"], True),
        ("limit=2&after_id=openai/qwen3", ["fast"], False),
        ("limit=1&before_id=fast", ["openai/qwen3"], True),
        ("after_id=fast", [], False),
    ],
)
async def test_anthropics_shape_is_paged(listed, query, names, more):
    page = await get(listed, f"/v1/models?{query}", headers=ANTHROPIC)
    assert ([model["id"] for model in page["data"]], page["has_more"]) == (names, more)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after_id=nobody", "before_id=nobody"])
async def test_a_wrong_page_is_refused_in_anthropics_shape(listed, query):
    refused = await get(listed, f"/v1/models?{query}", status=400, headers=ANTHROPIC)
    assert (refused["type"], refused["error"]["type"]) == ("error", "invalid_request_error")


async def test_anthropics_own_client_lists_all_models(listed):
    async with anthropic.AsyncAnthropic(api_key=listed.key, base_url=listed.url, max_retries=0) as client:
        assert [model.id async for model in client.models.list(limit=2)] == ["local/qwen3", "openai/qwen3", "fast"]
        assert (await client.models.retrieve("fast")).type == "model"


async def test_head_answers_wherever_get_does(listed):
    description = (await listed.client.get("/openapi.json")).json()
    paths = ["/", "/dashboard", "/openapi.json", "/nowhere"]
    paths += [re.sub(r"\{\w+\}", "x", path) for path, operations in description["paths"].items() if "get" in operations]
    differing = {}
    for path in paths:
        if path.endswith("/events"):
            continue
        got = await listed.client.get(path, headers=listed.auth())
        headed = await listed.client.head(path, headers=listed.auth())
        assert headed.content == b"", path
        kinds = [answer.headers.get("content-type") for answer in (got, headed)]
        if headed.status_code != got.status_code or kinds[0] != kinds[1]:
            differing[path] = (got.status_code, headed.status_code)
    assert len(paths) > 30
    assert differing == {}


async def test_the_head_says_how_long_the_body_would_be_and_the_connection_goes_on(listed):
    async with httpx.AsyncClient(
        base_url=listed.url, limits=httpx.Limits(max_connections=1), timeout=HANG_SECONDS
    ) as client:
        got = await client.get("/v1/models", headers=listed.auth())
        for _ in range(3):
            headed = await client.head("/v1/models", headers=listed.auth())
            assert headed.headers["content-length"] == got.headers["content-length"] == str(len(got.content))


async def test_head_of_a_route_that_is_only_posted_to_is_refused(listed):
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/embeddings"):
        assert (await listed.client.head(path, headers=listed.auth())).status_code in {404, 405}, path


async def test_head_asks_for_credentials_as_get_does(listed):
    assert (await listed.client.head("/v1/models")).status_code == 401


async def test_a_head_is_measured_under_its_route(listed):
    await listed.client.head("/v1/models", headers=listed.auth())
    text = (await listed.client.get("/metrics", headers=listed.auth())).text
    assert 'http_requests_total{endpoint="/v1/models",method="HEAD",status="200"}' in text
