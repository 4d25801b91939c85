"""Alarms and channels over HTTP: what is refused and why, what is shown and what never is."""

from typing import Any

import pytest

from penstock_testkit.waiting import until_true

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALARM = {"name": "hot", "watch": "above", "device_codes": ["WLD001"], "field": "a b", "limit": 80}
HOOK = {"name": "hook", "kind": "webhook", "url": "https://hooks.test/x?token=t0ken", "secret": "s3cret"}


async def call(gateway: Any, method: str, path: str, **options: Any) -> Any:
    return await gateway.client.request(method, path, headers=gateway.auth(), **options)


async def test_an_alarm_is_made_read_changed_and_deleted(gateway: Any) -> None:
    made = (await call(gateway, "POST", "/api/v1/alarms", json=ALARM)).json()
    assert (made["watch"], made["limit"], made["severity"], made["repeat_seconds"]) == ("above", 80, "warning", 14400)
    path = f"/api/v1/alarms/{made['id']}"
    assert (await call(gateway, "GET", path)).json() == made
    changed = (await call(gateway, "PUT", path, json={**ALARM, "limit": 90, "active": False})).json()
    assert (changed["limit"], changed["active"], changed["create_time"]) == (90, False, made["create_time"])
    assert (await call(gateway, "DELETE", path)).status_code == 204
    missing = await call(gateway, "GET", path)
    assert (missing.status_code, missing.json()["reason"]) == (404, "ALARM_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device_codes": []}, "name device_codes, or a model_code"),
        ({"field": ""}, "name the field"),
        ({"limit": None}, "above needs limit"),
        ({"watch": "outside", "lower": 5, "upper": 5}, "lower below upper"),
        ({"watch": "outside", "lower": 0, "upper": 10, "hysteresis": 5}, "the alarm never ends"),
        ({"watch": "no_data"}, "no_data needs seconds"),
        ({"watch": "anomaly"}, "anomaly needs a baseline"),
        ({"watch": "anomaly", "detector_id": "det_1", "device_codes": [f"W{n}" for n in range(101)]}, "at most 100"),
        ({"watch": "hotter"}, "above"),
        ({"limt": 5}, "limt"),
        ({"channel_ids": ["chan_x"]}, "GET /api/v1/channels lists them"),
        ({"repeat_seconds": 0.001}, "repeat_seconds must be 0 or at least 60"),
    ],
)
async def test_an_alarm_that_could_not_work_is_refused_with_what_is_missing(
    gateway: Any, changes: dict[str, Any], said: str
) -> None:
    refused = await call(gateway, "POST", "/api/v1/alarms", json={**ALARM, **changes})
    assert refused.status_code in {400, 422}
    assert said in refused.text


async def test_an_alarm_on_a_device_that_is_not_there_is_stored_with_a_doubt(gateway: Any) -> None:
    gateway.fakes.feature.unknown = frozenset({"WLD9"})
    try:
        made = (await call(gateway, "POST", "/api/v1/alarms", json={**ALARM, "device_codes": ["WLD9"]})).json()
        path = f"/api/v1/alarms/{made['id']}"
        changed = (await call(gateway, "PUT", path, json={**ALARM, "device_codes": ["WLD001", "WLD9"]})).json()
        assert made["doubts"] == changed["doubts"] == ["WLD9: unknown device 'WLD9'"]
        assert "doubts" not in (await call(gateway, "PUT", path, json=ALARM)).json()
        assert (await call(gateway, "DELETE", path)).status_code == 204
    finally:
        gateway.fakes.feature.unknown = frozenset()


async def test_a_channels_address_and_secret_are_never_shown_again(gateway: Any) -> None:
    made = await call(gateway, "POST", "/api/v1/channels", json=HOOK)
    listed = await call(gateway, "GET", "/api/v1/channels")
    for answer in (made, listed):
        assert "t0ken" not in answer.text
        assert "s3cret" not in answer.text
    assert made.json()["is_signed"] is True
    stored = b"".join(path.read_bytes() for path in gateway.home.glob("gateway.db*"))
    assert b"t0ken" not in stored
    await call(gateway, "DELETE", f"/api/v1/channels/{made.json()['id']}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "x", "kind": "email"}, "email needs recipients"),
        ({"name": "x", "kind": "email", "recipients": ["ann@x, bo@y"]}, "recipients"),
        ({"name": "x", "kind": "email", "recipients": ["v@=?utf-8?b?CkJjYzogeEB5?="]}, "recipients"),
        ({"name": "x", "kind": "email", "recipients": ["<script>@b"]}, "recipients"),
        ({"name": "x", "kind": "dingtalk"}, "needs the url"),
        ({"name": "x", "kind": "webhook", "url": "ftp://x"}, "needs the url"),
    ],
)
async def test_a_channel_that_could_not_work_is_refused(gateway: Any, body: dict[str, Any], said: str) -> None:
    refused = await call(gateway, "POST", "/api/v1/channels", json=body)
    assert refused.status_code == 422
    assert said in refused.text


@pytest.mark.parametrize("kind", ["webhook", "dingtalk", "wecom"])
@pytest.mark.parametrize(
    "place",
    ["127.0.0.1:9000", "localhost", "hook.localhost", "[::1]", "169.254.169.254", "10.0.0.7", "[::ffff:10.0.0.7]"],
)
async def test_a_channel_to_an_inner_address_is_refused_when_it_is_written(gateway: Any, kind: str, place: str) -> None:
    body = {**HOOK, "kind": kind, "url": f"http://{place}/hook"}
    refused = await call(gateway, "POST", "/api/v1/channels", json=body)
    assert (refused.status_code, refused.json()["reason"]) == (403, "ADDRESS_DENIED")
    assert "PENSTOCK_NOTIFY_NETWORKS" in refused.json()["detail"]
    made = (await call(gateway, "POST", "/api/v1/channels", json=HOOK)).json()
    changed = await call(gateway, "PUT", f"/api/v1/channels/{made['id']}", json=body)
    assert (changed.status_code, changed.json()["reason"]) == (403, "ADDRESS_DENIED")
    await call(gateway, "DELETE", f"/api/v1/channels/{made['id']}")


async def test_an_oddly_written_address_of_a_channel_is_refused_with_the_plain_one(gateway: Any) -> None:
    refused = await call(gateway, "POST", "/api/v1/channels", json={**HOOK, "url": "http://2130706433/hook"})
    assert (refused.status_code, refused.json()["reason"]) == (403, "HOST_INVALID")
    assert "write 127.0.0.1" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("hook.example:99999", "Port out of range"),
        ("hook.example:-1", "Port out of range"),
        ("0000::1", "port can't be converted"),
        ("127.0.0.1\\@hook.example", "backslash"),
        ("bücher.example", "xn--"),
        ("127。0。0。1", "is no host"),
        ("①②⑦.0.0.1", "is no host"),
        ("ex ample.com", "is no host"),
        ("%31%32%37.0.0.1", "is no host"),
        ("", "names no host"),
    ],
)
async def test_a_channels_url_that_cannot_be_read_is_refused_with_what_is_wrong(
    gateway: Any, place: str, said: str
) -> None:
    refused = await call(gateway, "POST", "/api/v1/channels", json={**HOOK, "url": f"http://{place}/hook"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "URL_INVALID")
    assert said in refused.json()["detail"]


async def test_the_test_button_says_what_the_other_side_answered(gateway: Any) -> None:
    nowhere = {**HOOK, "url": "http://hook.invalid/latest"}
    made = (await call(gateway, "POST", "/api/v1/channels", json=nowhere)).json()
    refused = await call(gateway, "POST", f"/api/v1/channels/{made['id']}/test")
    assert (refused.status_code, refused.json()["reason"]) == (502, "CHANNEL_UNAVAILABLE")
    assert "'hook.invalid' has no address" in refused.json()["detail"]
    await call(gateway, "DELETE", f"/api/v1/channels/{made['id']}")


async def test_test_messages_and_channels_of_a_tenant_are_bounded(start_gateway: Any) -> None:
    gateway = await start_gateway()
    made = [await call(gateway, "POST", "/api/v1/channels", json=HOOK) for _ in range(51)]
    assert [answer.status_code for answer in made] == [201] * 50 + [429]
    assert made[-1].json()["reason"] == "CHANNELS_LIMIT_EXCEEDED"
    path = f"/api/v1/channels/{made[0].json()['id']}/test"
    inside = {**HOOK, "url": "http://169.254.169.254/latest"}
    await call(gateway, "PUT", path.removesuffix("/test"), json=inside)
    tests = [await call(gateway, "POST", path) for _ in range(11)]
    assert [answer.status_code for answer in tests] == [502] * 10 + [429]
    assert "too many test messages" in tests[-1].json()["detail"]


async def test_a_silent_device_fires_is_acknowledged_and_snoozed(start_gateway: Any) -> None:
    gateway = await start_gateway(alert_seconds=0.05)
    body = {"name": "silent", "watch": "no_data", "device_codes": ["WLD/1"], "seconds": 1}
    alarm = (await call(gateway, "POST", "/api/v1/alarms", json=body)).json()
    found: list[Any] = []

    async def fires() -> bool:
        alerts = (await call(gateway, "GET", "/api/v1/alerts?status=firing")).json()["alerts"]
        found.extend(alert for alert in alerts if alert["rule_id"] == alarm["id"])
        return bool(found)

    await until_true(fires)
    assert (found[0]["labels"]["device_code"], found[0]["episode"]) == ("WLD/1", 1)
    path = f"/api/v1/alerts/{found[0]['fingerprint']}"
    assert (await call(gateway, "POST", f"{path}/acknowledge")).json()["acknowledged_by"]
    assert (await call(gateway, "POST", f"{path}/snooze", json={"seconds": 60})).json()["snoozed_until"]
    assert (await call(gateway, "POST", f"{path}/snooze", json={"seconds": 0})).json()["snoozed_until"] is None
    missing = await call(gateway, "POST", "/api/v1/alerts/alt_x/acknowledge")
    assert (missing.status_code, missing.json()["reason"]) == (404, "ALERT_NOT_FOUND")


async def test_an_alarm_on_anomalies_fits_its_detector_on_the_baseline_as_the_caller(gateway: Any) -> None:
    times = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
    body = {"name": "strange", "watch": "anomaly", "device_codes": ["WLD001"], "baseline": times}
    made = (await call(gateway, "POST", "/api/v1/alarms", json=body)).json()
    assert (made["watch"], made["detector_id"]) == ("anomaly", "det_1")
    request, caller = gateway.fakes.feature.requests[-1], gateway.fakes.feature.callers[-1]
    assert (request.baseline_start_time.ToJsonString(), request.end_time.ToJsonString()) == tuple(times.values())
    assert (list(request.device_codes), caller.tenant_id) == (["WLD001"], "default")
    await call(gateway, "DELETE", f"/api/v1/alarms/{made['id']}")


async def test_the_alarms_of_a_tenant_name_a_bounded_number_of_devices(start_gateway: Any) -> None:
    gateway = await start_gateway()
    body = {**ALARM, "device_codes": [f"d{n}" for n in range(200)]}
    made = [await call(gateway, "POST", "/api/v1/alarms", json=body) for _ in range(11)]
    assert [answer.status_code for answer in made] == [201] * 10 + [429]
    assert "at most 2000 devices together, the others name 2000" in made[-1].json()["detail"]
    path = f"/api/v1/alarms/{made[0].json()['id']}"
    assert (await call(gateway, "PUT", path, json=body)).status_code == 200


@pytest.mark.parametrize("token", ["x", "9.alt_1", "0.", "0", "²alt"])
async def test_a_page_token_of_another_list_is_refused(gateway: Any, token: str) -> None:
    refused = await call(gateway, "GET", "/api/v1/alerts", params={"page_token": token})
    assert (refused.status_code, refused.json()["reason"]) == (400, "PAGE_TOKEN_INVALID")


async def test_an_alert_is_acknowledged_by_any_writer_and_snoozed_by_who_may_change_its_alarm(
    start_gateway: Any,
) -> None:
    gateway = await start_gateway(alert_seconds=0.05)
    keys = await users_of(gateway, "shift.maker", "shift.fellow")
    body = {"name": "silent", "watch": "no_data", "device_codes": ["WLD/1"], "seconds": 1}
    found: list[Any] = []

    async def ask(name: str, method: str, path: str, **options: Any) -> Any:
        return await gateway.client.request(method, path, headers=gateway.auth(keys.get(name, "")), **options)

    async def fires() -> bool:
        found.extend((await ask("shift.maker", "GET", "/api/v1/alerts?status=firing")).json()["alerts"])
        return bool(found)

    assert (await ask("shift.maker", "POST", "/api/v1/alarms", json=body)).status_code == 201
    await until_true(fires)
    path = f"/api/v1/alerts/{found[0]['fingerprint']}"
    for seconds in (60, 0):
        refused = await ask("shift.fellow", "POST", f"{path}/snooze", json={"seconds": seconds})
        assert (refused.status_code, refused.json()["reason"]) == (403, "ALARM_DENIED")
    assert (await ask("shift.fellow", "GET", "/api/v1/alerts")).json()["alerts"][0]["snoozed_until"] is None
    assert (await ask("shift.fellow", "POST", f"{path}/acknowledge")).json()["acknowledged_by"]
    for name in ("shift.maker", "admin"):
        assert (await ask(name, "POST", f"{path}/snooze", json={"seconds": 60})).json()["snoozed_until"]


async def users_of(gateway: Any, *names: str) -> dict[str, str]:
    """Make users and return the tokens that they log in with."""
    tokens: dict[str, str] = {}
    for name in names:
        who = {"username": name, "password": "a-long-enough-Passw0rd"}
        await call(gateway, "POST", "/api/v1/users", json=who)
        pair = (await gateway.client.post("/api/v2/auth/login", json=who)).json()["data"]
        tokens[name] = pair["access_token"]
    return tokens


async def test_an_alarm_is_changed_and_deleted_by_who_made_it_and_by_administrators_alone(gateway: Any) -> None:
    keys = await users_of(gateway, "alarm.maker", "alarm.fellow")

    async def ask(name: str, method: str, path: str, **options: Any) -> Any:
        return await gateway.client.request(
            method, path, headers=gateway.auth(keys.get(f"alarm.{name}", "")), **options
        )

    made = (await ask("maker", "POST", "/api/v1/alarms", json=ALARM)).json()
    path = f"/api/v1/alarms/{made['id']}"
    assert (await ask("fellow", "GET", path)).json() == made
    for method, options in (("PUT", {"json": {**ALARM, "limit": 1}}), ("DELETE", {})):
        refused = await ask("fellow", method, path, **options)
        assert (refused.status_code, refused.json()["reason"]) == (403, "ALARM_DENIED")
    assert (await ask("maker", "GET", path)).json() == made
    changed = await ask("admin", "PUT", path, json={**ALARM, "limit": 85})
    assert (changed.json()["limit"], changed.json()["user_id"]) == (85, made["user_id"])
    assert (await ask("maker", "PUT", path, json=ALARM)).status_code == 200
    assert (await ask("admin", "DELETE", path)).status_code == 204


async def test_an_email_channel_is_refused_while_no_mail_server_is_set(gateway: Any, start_gateway: Any) -> None:
    mail = {"name": "office", "kind": "email", "recipients": ["ann@plant.test"]}
    refused = await call(gateway, "POST", "/api/v1/channels", json=mail)
    assert (refused.status_code, refused.json()["reason"]) == (412, "MAIL_UNSUPPORTED")
    assert "PENSTOCK_SMTP_HOST" in refused.json()["detail"]
    hook = (await call(gateway, "POST", "/api/v1/channels", json=HOOK)).json()
    changed = await call(gateway, "PUT", f"/api/v1/channels/{hook['id']}", json=mail)
    assert (changed.status_code, changed.json()["reason"]) == (412, "MAIL_UNSUPPORTED")
    await call(gateway, "DELETE", f"/api/v1/channels/{hook['id']}")
    with_mail = await start_gateway(PENSTOCK_SMTP_HOST="127.0.0.1")
    assert (await call(with_mail, "POST", "/api/v1/channels", json=mail)).status_code == 201
