"""How the addresses of several replicas are written."""

import pytest

from penstock_kit.address import is_loopback, target_of
from penstock_kit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ("chat:50052", "chat:50052"),
        ("127.0.0.1:1,", "127.0.0.1:1"),
        ("dns:///chat:50052", "dns:///chat:50052"),
        ("10.0.0.1:1, 10.0.0.2:2", "ipv4:10.0.0.1:1,10.0.0.2:2"),
        ("localhost:1,127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
    ],
)
def test_one_address_stays_and_several_become_one_target(addresses, expected):
    assert target_of(addresses) == expected


@pytest.mark.parametrize(
    "addresses",
    ["chat-a:1,chat-b:2", "10.0.0.1:1,[::1]:2", "10.0.0.1:1,10.0.0.2", "chat", ":1", " , ", "chat:\u0661", "chat:²"],
)
def test_addresses_that_make_no_target_are_refused_with_what_would_be_right(addresses):
    with pytest.raises(InvalidArgument, match="dns:///name:port"):
        target_of(addresses)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_what_only_this_machine_reaches_is_a_loopback_address(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_what_others_reach_is_no_loopback_address(host):
    assert not is_loopback(host)
