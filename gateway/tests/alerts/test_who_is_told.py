"""Who is told of an alert, and by whom: the right channels, once, by the gateway whose turn it is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from alert_world import CHANNEL, World, message

from gateway.alerts.channels.channel import ChannelKind
from gateway.alerts.delivery_store import SENDING, SENT
from gateway.alerts.inbound import InboundAlerts, PostedAlert
from gateway.alerts.lease import Lease
from gateway.alerts.notifier import Notifier
from penstock_kit.outbound.destinations import Destinations
from penstock_kit.outbound.guarded_http import GuardedHttp


class Http(GuardedHttp):
    """Says when its connections are closed."""

    closed = 0

    async def close(self) -> None:
        self.closed += 1
        await super().close()


def notifier(world: World, http: GuardedHttp) -> Notifier:
    return Notifier(
        store=world.store, deliveries=world.deliveries, senders=world.senders, http=http, clock=world.clock,
        metrics=world.metrics,
    )  # fmt: skip


@pytest.mark.parametrize(("left", "sent", "status"), [(1, 1, SENT), (0, 0, SENDING), (-1, 0, SENDING)])
async def test_a_gateway_sends_nothing_from_the_end_of_its_lease_on(
    world: World, left: float, sent: int, status: str
) -> None:
    now = world.clock.now()
    held = await world.leases.acquire("gw_a", seconds=60, now=now)
    assert held is not None
    await world.store.record(held.fence, [], [(CHANNEL, message())], now)
    sending = notifier(world, Http(Destinations()))
    await sending.start_due(Lease(fence=held.fence, until=now + timedelta(seconds=left)))
    await sending.settle()
    (delivery,) = await world.deliveries.list("acme")
    assert (len(world.sender.sent), delivery.status) == (sent, status)


async def test_a_notifier_that_ends_closes_its_connections(world: World) -> None:
    http = Http(Destinations())
    await notifier(world, http).close()
    assert http.closed == 1


def posted(name: str, annotations: Mapping[str, str] | None = None, **labels: str) -> PostedAlert:
    return PostedAlert(fires=True, labels={"alertname": name, **labels}, annotations=annotations or {})


async def put_channels(world: World) -> None:
    """Add to the tenant's channel the operators' two, of which one asked for the system's alerts."""
    await world.store.put_channel(replace(CHANNEL, id="chan_quiet", tenant_id="default"))
    await world.store.put_channel(replace(CHANNEL, id="chan_no", tenant_id="default", options={"system": "false"}))
    await world.store.put_channel(
        replace(CHANNEL, id="chan_ops", tenant_id="default", kind=ChannelKind.WECOM, options={"system": "true"})
    )


async def test_an_alert_that_alertmanager_posts_is_told_where_the_systems_alerts_are_asked_for_alone(
    world: World,
) -> None:
    await put_channels(world)
    inbound = InboundAlerts(store=world.store, own=frozenset({"HighErrorRate"}))
    two = [posted("LogErrors", severity="critical"), posted("HighErrorRate"), posted("Odd", severity="page")]
    assert await inbound.take(two, world.clock.now()) == 2
    told = [
        (each.channel_id, each.message.title, each.message.severity) for each in await world.deliveries.list("default")
    ]
    assert sorted(told) == [
        ("chan_ops", "[ALERT] LogErrors", "critical"), ("chan_ops", "[ALERT] Odd", "warning"),
    ]  # fmt: skip
    assert await world.deliveries.list("acme") == []


async def test_what_a_posted_alert_shows_is_known_to_be_no_secret_and_short(world: World) -> None:
    await put_channels(world)
    inbound = InboundAlerts(store=world.store, own=frozenset())
    alert = posted("LogErrors", {"summary": "s" * 1001}, device_code="d" * 201, password="t0ken", budget="bud_1")
    await inbound.take([alert], world.clock.now())
    (state,) = await world.store.list_states("default")
    assert dict(state.labels) == {"device_code": "d" * 200, "budget": "bud_1"}
    (delivery,) = await world.deliveries.list("default")
    assert delivery.message.lines[0] == "s" * 1000
    assert "t0ken" not in delivery.message.text


async def test_a_tenants_channels_are_counted_without_those_of_others(world: World) -> None:
    await put_channels(world)
    counts: list[Any] = [await world.store.count_channels(tenant) for tenant in ("acme", "default", "other")]
    assert counts == [1, 3, 0]
