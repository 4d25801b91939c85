"""How the addresses of several replicas are written."""

import pytest

from penstock_kit.address import host_and_port, is_loopback, target_of
from penstock_kit.errors import InvalidArgument
from penstock_kit.redis.address import address_of


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


@pytest.mark.parametrize(
    ("host", "written"), [("127.0.0.1", "127.0.0.1:80"), ("db.example", "db.example:80"), ("::1", "[::1]:80")]
)
def test_host_and_port_are_written_as_urls_have_them(host, written):
    assert host_and_port(host, 80) == written


@pytest.mark.parametrize("url", ["redis://[::1]:80/0", "redis://me:secret@[::1]:80"])
def test_a_redis_is_named_as_urls_name_it(url):
    assert address_of(url).place == "[::1]:80"
