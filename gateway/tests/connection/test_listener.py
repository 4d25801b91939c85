"""What a gateway says of the address that it listens on."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.connection.listener import PortTaken, bind

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_ipv6_address_is_logged_in_brackets_as_a_browser_takes_it(start_gateway: Any) -> None:
    with capture_logs() as logged:
        gateway = await start_gateway(host="::1")
        assert (await gateway.client.get("/health")).status_code == 200
    (line,) = [line for line in logged if line["event"] == "serving" and "url" in line]
    assert line["url"] == gateway.url == f"http://{line['address']}"
    assert line["address"].startswith("[::1]:")


async def test_a_port_that_is_taken_is_named_as_its_url_names_it() -> None:
    with bind("::1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"cannot listen on \[::1\]:{port}: the port is in use"):
            bind("::1", port)
