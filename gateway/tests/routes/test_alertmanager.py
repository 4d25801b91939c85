"""Alertmanager's posts: authenticated, told once, and ended; groups, repeats and late ends tell nobody again."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from penstock_testkit.receivers import HttpReceiver
from penstock_testkit.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATH = "/api/v1/alertmanager"


def alert(status: str = "firing", name: str = "LogErrors", **labels: str) -> dict[str, Any]:
    """One alert as Alertmanager posts it."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", **labels},
        "annotations": {"summary": "Too many <b>errors</b>", "summary_zh": "错误过多", "runbook_url": "docs/x.md"},
        "startsAt": "2026-05-01T12:00:00Z",
        "endsAt": "2026-05-01T12:04:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "c0ffee",
    }


def post(*alerts: dict[str, Any]) -> dict[str, Any]:
    """A group as Alertmanager posts it."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="LogErrors"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "penstock",
        "groupLabels": {"alertname": "LogErrors"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }


async def send(gateway: Any, *alerts: dict[str, Any], key: str = "") -> Any:
    return await gateway.client.post(PATH, json=post(*alerts), headers=gateway.auth(key))


@pytest_asyncio.fixture(loop_scope="session")
async def told(start_gateway: Any) -> AsyncIterator[Any]:
    """A gateway that tells one webhook of the system."""
    gateway = await start_gateway(alert_seconds=0.05, notify_networks="127.0.0.0/8")
    async with HttpReceiver() as hook:
        body = {"name": "ops", "kind": "webhook", "url": hook.url, "system": True}
        made = await gateway.client.post("/api/v1/channels", json=body, headers=gateway.auth())
        assert made.status_code == 201
        gateway.hook = hook
        yield gateway


def titles(gateway: Any) -> list[str]:
    return [orjson.loads(body)["title"] for body in gateway.hook.bodies if b"LogErrors" in body]


async def test_an_alert_is_told_once_over_repeats_and_groups_and_its_end_once(told: Any) -> None:
    first = await send(told, alert())
    assert first.json() == {"received": 1, "told": 1}
    await until(lambda: titles(told) == ["[ALERT] LogErrors"])
    assert (await send(told, alert(), alert())).json()["told"] == 0
    assert (await send(told, alert(service="gateway"))).json()["told"] == 1
    assert (await send(told, alert("resolved"))).json()["told"] == 1
    assert (await send(told, alert("resolved"))).json()["told"] == 0
    await until(lambda: titles(told) == ["[ALERT] LogErrors", "[ALERT] LogErrors", "[RESOLVED] LogErrors"])
    lines = orjson.loads(told.hook.bodies[0])["lines"]
    assert lines[:2] == ["Too many <b>errors</b>", "Severity: critical"]
    again = await send(told, alert())
    assert again.json()["told"] == 1, "a new episode"
    await send(told, alert("resolved"), alert("resolved", service="gateway"))


async def test_alerts_that_differ_in_any_label_are_told_each(told: Any) -> None:
    pods = [alert(pod="a"), alert(pod="b"), alert(pod="b", shard="1")]
    assert (await send(told, *pods)).json() == {"received": 3, "told": 3}
    assert (await send(told, *pods)).json()["told"] == 0


async def test_what_the_gateway_judges_itself_is_not_told_twice(told: Any) -> None:
    answer = await send(told, alert(name="HighErrorRate"), alert(name="BudgetSpent", budget="bud_1"))
    assert answer.json() == {"received": 2, "told": 0}


async def test_only_an_operators_key_may_post(told: Any) -> None:
    assert (await told.client.post(PATH, json=post(alert()))).status_code == 401
    body = {"name": "weak", "scopes": ["admin"]}
    weak = (await told.client.post("/api/v1/keys", json=body, headers=told.auth())).json()
    refused = await send(told, alert(), key=weak["key"])
    assert (refused.status_code, refused.json()["reason"]) == (403, "SCOPE_REQUIRED")


WRONG: list[dict[str, Any]] = [
    {"alerts": [{"status": "firing", "labels": {}, "annotations": {}}]},
    {"alerts": [{"status": "burning", "labels": {"alertname": "x"}}]},
    {"alerts": [alert()] * 1001},
    {"alerts": "all"},
    {},
]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_post_that_is_none_of_alertmanagers_is_refused(told: Any, wrong: dict[str, Any]) -> None:
    refused = await told.client.post(PATH, json=wrong, headers=told.auth())
    assert refused.status_code in {400, 422}


async def test_fields_that_alertmanager_may_add_later_are_no_error(told: Any) -> None:
    body = {**post(alert(name="Later")), "newField": {"a": 1}}
    assert (await told.client.post(PATH, json=body, headers=told.auth())).status_code == 200
    await send(told, alert("resolved", name="Later"))
