"""Held wrong, the system says what was wrong and what would be right."""

import re
import subprocess
import sys
from pathlib import Path

import httpx

from penstock_testkit.system import RunningSystem, choose_ports, system_environment
from penstock_testkit.waiting import HANG_SECONDS

RANGE = {"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}
EXTRACT = "/api/v2/ai/features/extract"


async def problem(response: httpx.Response, status: int, reason: str = "") -> str:
    """Check that the answer is problem+json with `status` and, when given, `reason`; return its detail."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/problem+json")
    body = response.json()
    assert body["success"] is False
    assert body["status"] == status
    assert body["request_id"]
    assert reason in {"", body["reason"]}
    return body["detail"]


async def test_an_unknown_device_is_404_and_named(http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_code": "WLD999"}
    assert "WLD999" in await problem(await http.post(EXTRACT, json=body), 404)


async def test_an_unknown_model_is_404_and_named(http: httpx.AsyncClient) -> None:
    body = {"model_code": "no_such_model", "device_code": "WLD001"}
    assert "no_such_model" in await problem(await http.post(EXTRACT, json=body), 404)


async def test_an_end_before_the_start_is_refused(http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_code": "WLD001", **RANGE}
    assert "end_time" in await problem(await http.post(EXTRACT, json=body), 400)


async def test_a_window_larger_than_the_data_says_how_many_rows_there_are(http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_code": "WLD001", "window_size": 900_000}
    detail = await problem(await http.post(EXTRACT, json=body), 422, "WINDOW_LIMIT_EXCEEDED")
    assert re.search(r"window_size is 900000 but there are only \d+ rows", detail)


async def test_a_window_by_time_that_is_longer_than_the_range_says_where_windows_lie(http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_code": "WLD001", "window_size": "3000d"}
    detail = await problem(await http.post(EXTRACT, json=body), 422, "WINDOW_LIMIT_EXCEEDED")
    assert "windows begin at whole multiples of 1500d since 1970" in detail


async def test_a_wrong_type_names_the_field(http: httpx.AsyncClient) -> None:
    body = {"model_code": "welding_ai_model", "device_code": "WLD001", "window_size": "many"}
    response = await http.post(EXTRACT, json=body)
    assert "window_size" in await problem(response, 422, "VALIDATION_FAILED")
    assert [error["field"] for error in response.json()["errors"]] == ["window_size"]


async def test_a_malformed_csv_row_is_reported_with_its_line_and_the_others_are_kept(http: httpx.AsyncClient) -> None:
    csv = "timestamp,value\n2026-01-01 00:00:00,1.5\nyesterday,2.5\n2026-01-01 00:00:02,3.5\n"
    query = {"device_code": "bad-rows", "model_code": "thermometer", "create": "true"}
    response = await http.post("/api/v2/data/ingest", params=query, content=csv, headers={"Content-Type": "text/csv"})
    data = response.json()["data"]
    assert (data["rows_accepted"], data["rows_rejected"]) == (2, 1)
    assert data["errors"][0]["line"] == 3
    assert "yesterday" in data["errors"][0]["reason"]


async def test_missing_credentials_are_401_and_say_which_would_do(system: RunningSystem) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=HANG_SECONDS) as stranger:
        detail = await problem(await stranger.get("/api/v1/conversations"), 401)
    assert "Authorization" in detail


async def test_wrong_credentials_are_401(system: RunningSystem) -> None:
    async with httpx.AsyncClient(
        base_url=system.url, headers={"x-api-key": "psk_nonsense"}, timeout=HANG_SECONDS
    ) as stranger:
        await problem(await stranger.get("/api/v1/conversations"), 401)


async def test_a_wrong_password_is_401_and_does_not_say_which_part_was_wrong(system: RunningSystem) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=HANG_SECONDS) as stranger:
        wrong = await stranger.post("/api/v2/auth/login", json={"username": "admin", "password": "guess"})
        nobody = await stranger.post("/api/v2/auth/login", json={"username": "nobody", "password": "guess"})
    assert await problem(wrong, 401) == await problem(nobody, 401)


async def test_the_admin_password_buys_a_token_that_works(system: RunningSystem) -> None:
    async with httpx.AsyncClient(base_url=system.url, timeout=HANG_SECONDS) as client:
        login = {"username": "admin", "password": system.password}
        data = (await client.post("/api/v2/auth/login", json=login)).raise_for_status().json()["data"]
        headers = {"Authorization": f"Bearer {data['access_token']}"}
        assert (await client.get("/api/v1/conversations", headers=headers)).status_code == 200


async def test_an_oversized_body_is_413(http: httpx.AsyncClient) -> None:
    body = b'{"content": "' + b"x" * (40 * 1024 * 1024) + b'"}'
    response = await http.post("/api/v1/conversations", content=body, headers={"Content-Type": "application/json"})
    await problem(response, 413)


async def test_a_body_that_is_not_json_is_400(http: httpx.AsyncClient) -> None:
    response = await http.post(EXTRACT, content=b"{not json", headers={"Content-Type": "application/json"})
    assert "the body is not JSON" in await problem(response, 400, "JSON_INVALID")


async def test_someone_elses_stream_or_conversation_is_404_like_one_that_is_not_there(
    system: RunningSystem, http: httpx.AsyncClient
) -> None:
    login = {"username": "owner-of-it", "password": "wide green bicycle 7"}
    (await http.post("/api/v1/users", json={**login, "scopes": ["chat"]})).raise_for_status()
    async with httpx.AsyncClient(base_url=system.url, timeout=HANG_SECONDS) as owner:
        token = (await owner.post("/api/v2/auth/login", json=login)).json()["data"]["access_token"]
        owner.headers["Authorization"] = f"Bearer {token}"
        conversation = (await owner.post("/api/v1/conversations", json={})).json()["id"]
        asked = await owner.post(f"/api/v1/conversations/{conversation}/stream", json={"content": "Hello"})
        stream = asked.headers["x-stream-id"]
        assert (await owner.get(f"/api/v1/conversations/{conversation}")).status_code == 200
        assert (await owner.get(f"/api/v1/streams/{stream}/events")).status_code == 200
    for mine, nobody in ((conversation, "conv_nobody"), (stream, "strm_nobody")):
        kind, events = ("conversations", "") if mine == conversation else ("streams", "/events")
        reason = "CONVERSATION_NOT_FOUND" if mine == conversation else "STREAM_NOT_FOUND"
        details = [
            await problem(await http.get(f"/api/v1/{kind}/{each}{events}"), 404, reason) for each in (mine, nobody)
        ]
        assert details[0].replace(mine, "X") == details[1].replace(nobody, "X")


def test_a_port_in_use_is_named_with_the_setting_that_changes_it(system: RunningSystem, tmp_path: Path) -> None:
    ports = choose_ports() | {"PENSTOCK_HTTP_PORT": system.ports["PENSTOCK_HTTP_PORT"]}
    outcome = run_up(system_environment(tmp_path / "home", ports, demo=False))
    assert outcome.returncode not in {0, None}
    assert str(ports["PENSTOCK_HTTP_PORT"]) in outcome.stdout
    assert "PENSTOCK_HTTP_PORT" in outcome.stdout


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("a file where a folder is wanted")
    outcome = run_up(system_environment(blocker / "home", choose_ports(), demo=False))
    assert outcome.returncode not in {0, None}
    assert "PENSTOCK_HOME" in outcome.stdout


def run_up(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run `penstock up` to its end, which must come by itself."""
    command = [str(Path(sys.executable).with_name("penstock")), "up"]
    return subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
