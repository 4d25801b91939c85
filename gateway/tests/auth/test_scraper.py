"""Who may read the metrics without credentials: a scraper on this machine, and nobody through a proxy on it."""

from typing import Any

import pytest
from fastapi import Request

from gateway.auth.guard import Guard
from gateway.auth.scraper import ScraperGuard
from penstock_kit.errors import Unauthenticated

PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def request(*headers: tuple[str, str]) -> Request:
    """A request that comes from this machine."""
    sent = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": sent, "client": ("127.0.0.1", 1)})


@pytest.mark.parametrize("name", [*PASSED_ON, "authorization", "x-api-key"])
async def test_what_a_proxy_on_this_machine_passes_on_or_names_a_credential_is_not_of_this_machine(
    house: Any, name: str
) -> None:
    guard = ScraperGuard(Guard(house.authenticator), everybody=False)
    await guard.admit(request(("user-agent", "Prometheus/3.5.0")))
    with pytest.raises(Unauthenticated):
        await guard.admit(request((name, "1.1 proxy.example")))


async def test_where_everybody_may_read_them_a_proxys_requests_may_too(house: Any) -> None:
    guard = ScraperGuard(Guard(house.authenticator), everybody=True)
    await guard.admit(request(("via", "1.1 proxy.example")))
