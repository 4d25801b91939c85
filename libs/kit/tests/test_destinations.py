"""Where operator tools may connect to."""

import ipaddress

import pytest

from penstock_kit.errors import PermissionDenied
from penstock_kit.outbound.destinations import Destinations


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.5.5",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "168.63.129.16",
        "192.0.0.192",
        "192.88.99.1",
        "198.18.0.1",
        "240.0.0.1",
        "fec0::1",
        "64:ff9b:1::a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:a9fe:a9fe",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(PermissionDenied, match="allowed_networks"):
        Destinations(hosts=("x",)).checked("x", [address])


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert Destinations().checked("x", [address]) == [address]


def test_an_operator_can_allow_a_network_and_only_that() -> None:
    destinations = Destinations(networks=(ipaddress.ip_network("10.20.0.0/16"),))
    assert destinations.checked("x", ["10.20.1.1", "10.21.1.1"]) == ["10.20.1.1"]
    assert not destinations.allows(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("api.example.com", True),
        ("API.Example.com.", True),
        ("x.corp.example", True),
        ("x.y.corp.example", True),
        ("corp.example", False),
        ("evilcorp.example", False),
        ("api.example.com.evil.org", False),
        ("169.254.169.254", False),
    ],
)
def test_a_host_must_be_on_the_list(host: str, allowed: bool) -> None:
    destinations = Destinations(hosts=("api.example.com", "*.corp.example"))
    if allowed:
        destinations.check_host(host)
        return
    with pytest.raises(PermissionDenied, match="allowed_hosts"):
        destinations.check_host(host)
