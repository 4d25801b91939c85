"""The cache of the running system is warmed up over HTTP, and told of by /ready."""

import httpx


async def test_a_warm_up_is_fanned_out_to_the_owners_and_names_what_nobody_has(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/api/v1/cache/warmup")).json()
    assert answer["failures"] == {}
    assert answer["loaded"] > 0, "the demo has a data model and devices"
    some = (await http.post("/api/v1/cache/warmup", json={"sources": ["models", "cards"]})).json()
    assert 0 < some["loaded"] < answer["loaded"]
    assert list(some["failures"]) == ["cards"]
    assert "fields, models, personalities, templates" in some["failures"]["cards"]


async def test_ready_tells_of_the_caches_backend(http: httpx.AsyncClient) -> None:
    cache = (await http.get("/ready")).json()["services"]["cache-service"]
    assert (cache["state"], cache["stores"]) == ("ok", {"memory": {"state": "ok"}})
