"""How many may look at a gateway's dashboards: 500 in all, 100 of one tenant."""

from typing import Any

import pytest

from gateway.monitoring.broadcast import FrameBroadcast
from gateway.monitoring.dashboard import View
from penstock_kit.errors import ResourceExhausted

NOBODY: Any = None


def test_a_tenant_has_a_hundred_viewers_and_another_still_gets_in() -> None:
    broadcast = FrameBroadcast(NOBODY)
    acme, other = View(tenant_id="acme"), View(tenant_id="other")
    for _ in range(100):
        broadcast.join(acme)
    with pytest.raises(ResourceExhausted, match="100 dashboards of your tenant"):
        broadcast.join(acme)
    broadcast.join(other)
    broadcast.leave(acme)
    broadcast.join(acme)


def test_five_hundred_viewers_are_all_that_a_gateway_takes() -> None:
    broadcast = FrameBroadcast(NOBODY)
    for number in range(500):
        broadcast.join(View(tenant_id=f"t{number % 5}"))
    for late in (View(tenant_id="new"), View(tenant_id=None)):
        with pytest.raises(ResourceExhausted, match="500 dashboards are open"):
            broadcast.join(late)
    broadcast.leave(View(tenant_id="t0"))
    broadcast.join(View(tenant_id="new"))
