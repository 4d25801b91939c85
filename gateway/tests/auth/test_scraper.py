"""Who may read the metrics without credentials: a scraper on this machine, and nobody through a proxy on it."""

from typing import Any

import pytest
from fastapi import Request

from gateway.auth.guard import Guard
from gateway.auth.rebinding import RebindingGuard
from gateway.auth.scraper import ScraperGuard
from penstock_kit.errors import PermissionDenied, Unauthenticated

PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
REBINDING = RebindingGuard(hosts=("machines.example",), origins=("https://app.example",))


def request(
    *headers: tuple[str, str], host: str = "127.0.0.1:8000", client: tuple[str, int] | None = ("127.0.0.1", 1)
) -> Request:
    """A request, from this machine unless `client` is elsewhere."""
    headers = (("host", host), *headers)
    sent = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": sent, "client": client})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_a_scraper_on_this_machine_needs_no_credentials(house: Any, host: str) -> None:
    await ScraperGuard(Guard(house.authenticator), REBINDING, everybody=False).admit(request(client=(host, 1)))


@pytest.mark.parametrize("client", [("198.51.100.7", 1), ("::ffff:198.51.100.7", 1), ("", 1), None], ids=str)
async def test_a_scraper_elsewhere_needs_an_operators_key(house: Any, client: tuple[str, int] | None) -> None:
    guard = ScraperGuard(Guard(house.authenticator), REBINDING, everybody=False)
    with pytest.raises(Unauthenticated):
        await guard.admit(request(client=client))
    shown, _ = await house.key(await house.user("olga", {"operator"}))
    await guard.admit(request(("x-api-key", shown.text), client=client))


@pytest.mark.parametrize("name", [*PASSED_ON, "authorization", "x-api-key"])
async def test_what_a_proxy_on_this_machine_passes_on_or_names_a_credential_is_not_of_this_machine(
    house: Any, name: str
) -> None:
    guard = ScraperGuard(Guard(house.authenticator), REBINDING, everybody=False)
    await guard.admit(request(("user-agent", "Prometheus/3.5.0")))
    with pytest.raises(Unauthenticated):
        await guard.admit(request((name, "1.1 proxy.example")))


async def test_where_everybody_may_read_them_a_proxys_requests_may_too(house: Any) -> None:
    guard = ScraperGuard(Guard(house.authenticator), REBINDING, everybody=True)
    await guard.admit(request(("via", "1.1 proxy.example")))


@pytest.mark.parametrize(
    ("headers", "host", "reason"),
    [
        ([("origin", "http://evil.example")], "127.0.0.1:8000", "ORIGIN_DENIED"),
        ([("origin", "null")], "127.0.0.1:8000", "ORIGIN_DENIED"),
        ([], "evil.example:8000", "HOST_DENIED"),
        ([("origin", "http://evil.example:8000")], "evil.example:8000", "HOST_DENIED"),
    ],
)
async def test_a_strangers_page_in_a_browser_on_this_machine_is_refused(
    house: Any, headers: list[tuple[str, str]], host: str, reason: str
) -> None:
    guard = ScraperGuard(Guard(house.authenticator), REBINDING, everybody=False)
    with pytest.raises(PermissionDenied) as refused:
        await guard.admit(request(*headers, host=host))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ([], "localhost:8000"),
        ([], "[::1]:8000"),
        ([], "machines.example"),
        ([("origin", "https://app.example")], "machines.example"),
        ([("origin", "http://localhost:8000")], "localhost:8000"),
    ],
)
async def test_a_scraper_and_our_own_pages_on_this_machine_are_admitted(
    house: Any, headers: list[tuple[str, str]], host: str
) -> None:
    await ScraperGuard(Guard(house.authenticator), REBINDING, everybody=False).admit(request(*headers, host=host))
