"""A picture of a device through the whole system."""

import httpx


async def test_a_machine_is_drawn_and_the_picture_can_do_nothing(http: httpx.AsyncClient) -> None:
    query = {"device_code": "WLD001", "kind": "anomalies", "field": ["current", "voltage"], "width": 600}
    answer = await http.get("/api/v2/ai/plot", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.text.startswith("<svg ")
    assert "<title>WLD001: current, voltage</title>" in answer.text
    missing = await http.get("/api/v2/ai/plot", params={"device_code": "no-such-machine"})
    assert (missing.status_code, missing.json()["reason"]) == (404, "DEVICE_NOT_FOUND")
