"""Where the names in URLs of pictures and files lead: looked up, and refused where they lead inside."""

import asyncio
import inspect
import ipaddress
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from penstock.llm.v1 import llm_pb2

from llm_service.adapters.media_names import MediaNames
from llm_service.domain.model.media_url import MediaUrls
from llm_service.edge.servicer import LlmServicer
from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.errors import InvalidArgument, Unavailable
from penstock_kit.outbound.destinations import Destinations, resolve
from penstock_testkit.clock import ManualClock

PUBLIC = "93.184.216.34"


class Names:
    """A resolver that knows `found`; the names in `hanging` wait until `go` is set."""

    def __init__(self, found: dict[str, Sequence[str]], *, hanging: tuple[str, ...] = ()) -> None:
        self.found = found
        self.hanging = hanging
        self.go = asyncio.Event()
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host in self.hanging:
            await self.go.wait()
        if host not in self.found:
            raise Unavailable(f"the host {host!r} has no address", reason="HOST_UNAVAILABLE")
        return self.found[host]


def media_names(names: Names, *, allowed: Destinations | None = None, seconds: float = 30.0) -> MediaNames:
    return MediaNames(allowed or Destinations(), clock=ManualClock(), resolve=names, seconds=seconds)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.7", "64:ff9b::a00:7"]
)
async def test_a_public_name_that_leads_to_an_inner_address_is_refused(address: str) -> None:
    checked = media_names(Names({"inner.example.com": [PUBLIC, address]}))
    with pytest.raises(InvalidArgument, match=r"'inner.example.com' leads to .* not on the public internet") as refused:
        await checked.check({"inner.example.com"})
    assert (refused.value.reason, "data URL" in refused.value.message) == ("MEDIA_URL_INVALID", True)


async def test_a_public_address_passes_and_an_inner_one_of_a_network_that_was_allowed() -> None:
    names = Names({"a.example.com": [PUBLIC], "nas.example.com": ["10.0.0.7"]})
    allowed = Destinations(networks=(ipaddress.ip_network("10.0.0.0/8"),))
    await media_names(names, allowed=allowed).check({"a.example.com", "nas.example.com"})
    assert sorted(names.asked) == ["a.example.com", "nas.example.com"]


async def test_one_inner_name_among_public_ones_is_enough() -> None:
    names = Names({"a.example.com": [PUBLIC], "b.example.com": ["10.0.0.7"], "c.example.com": [PUBLIC]})
    with pytest.raises(InvalidArgument, match=r"'b.example.com' leads to 10\.0\.0\.7"):
        await media_names(names).check(["a.example.com", "b.example.com", "c.example.com"])


async def test_a_name_without_an_address_passes_for_behind_a_proxy_none_has_one() -> None:
    await media_names(Names({})).check({"a.example.com"})
    with pytest.raises(Unavailable, match="has no address"):
        await resolve(f"{'a' * 64}.example.com", 443)


async def test_what_was_found_counts_for_a_minute() -> None:
    names, clock = Names({"a.example.com": [PUBLIC], "b.example.com": ["10.0.0.7"]}), ManualClock()
    checked = MediaNames(Destinations(), clock=clock, resolve=names)
    await checked.check({"a.example.com"})
    names.found["a.example.com"] = ["10.0.0.7"]
    clock.advance(59.9)
    await checked.check({"a.example.com"})
    assert names.asked == ["a.example.com"]
    clock.advance(0.2)
    with pytest.raises(InvalidArgument, match="leads to"):
        await checked.check({"a.example.com"})
    with pytest.raises(InvalidArgument, match="leads to"):
        await checked.check({"a.example.com"})
    assert names.asked == ["a.example.com", "a.example.com"]


async def test_a_name_that_is_not_found_in_time_does_not_pass_and_is_known_when_it_was_found() -> None:
    names = Names({"slow.example.com": ["10.0.0.7"]}, hanging=("slow.example.com",))
    checked = media_names(names, seconds=0.0)
    with pytest.raises(Unavailable, match=r"'slow.example.com' .* not found within 0 s") as refused:
        await checked.check({"slow.example.com"})
    assert refused.value.reason == "HOST_UNAVAILABLE"
    names.go.set()
    while True:
        try:
            await checked.check({"slow.example.com"})
        except Unavailable:
            await asyncio.sleep(0)
        except InvalidArgument as error:
            assert "leads to 10.0.0.7" in error.message
            break
    assert names.asked == ["slow.example.com"]


async def test_more_hosts_than_are_looked_up_for_one_request_are_refused_unasked() -> None:
    names = Names({})
    await media_names(names).check([f"h{n}.example.com" for n in range(64)])
    asked = len(names.asked)
    with pytest.raises(InvalidArgument, match="of 65 hosts, and at most 64"):
        await media_names(names).check([f"h{n}.example.com" for n in range(65)])
    assert (asked, len(names.asked)) == (64, 64)


async def test_names_of_a_tenant_that_hang_hold_up_no_other_tenants_and_are_asked_one_at_a_time() -> None:
    slow = tuple(f"s{n}.example.com" for n in range(100))
    names = Names({"a.example.com": [PUBLIC], **{name: [PUBLIC] for name in slow}}, hanging=slow)
    checked = media_names(names)
    checked_slowly = [asyncio.create_task(as_tenant("bad", checked, slow[:50]))]
    checked_slowly.append(asyncio.create_task(as_tenant("bad", checked, slow[50:])))
    await asyncio.sleep(0)
    await as_tenant("good", checked, ["a.example.com"])
    assert names.asked[-1] == "a.example.com"
    assert len([name for name in names.asked if name in slow]) == 1
    names.go.set()
    first, second = await asyncio.gather(*checked_slowly, return_exceptions=True)
    assert first is None
    assert isinstance(second, Unavailable)  # 64 names of a tenant wait, no more
    assert len([name for name in names.asked if name in slow]) == 64


async def test_names_of_many_tenants_that_hang_take_three_turns_of_the_resolver_and_no_more() -> None:
    slow = tuple(f"s{n}.example.com" for n in range(5))
    names = Names({name: [PUBLIC] for name in slow}, hanging=slow)
    checked = media_names(names)
    waiting = [asyncio.create_task(as_tenant(name, checked, [name])) for name in slow]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(names.asked) == 3
    names.go.set()
    await asyncio.gather(*waiting)
    assert sorted(names.asked) == list(slow)
    assert not checked._shares, "nothing is kept of tenants whose names were found"


async def test_the_names_found_last_are_remembered_and_no_more_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llm_service.adapters.media_names._REMEMBERED", 2)
    names, clock = Names({f"{each}.example.com": [PUBLIC] for each in "abc"}), ManualClock()
    checked = MediaNames(Destinations(), clock=clock, resolve=names)
    await checked.check({"a.example.com"})
    clock.advance(30)
    await checked.check({"b.example.com"})
    clock.advance(31)
    for name in ("a.example.com", "c.example.com", "a.example.com", "b.example.com"):
        await checked.check({name})
    assert [name[0] for name in names.asked] == ["a", "b", "a", "c", "b"]


async def as_tenant(tenant: str, checked: MediaNames, names: Sequence[str]) -> None:
    with use_context(CallContext("req_test", caller=Caller(user_id="u", tenant_id=tenant))):
        await checked.check(names)


@pytest.mark.parametrize(
    ("allowed", "url", "name"),
    [
        (("*",), "https://A.example.com./x.png", "a.example.com"),
        (("*",), "https://93.184.216.34/x.png", ""),
        (("*",), "data:image/png;base64,aGk=", ""),
        (("*", "a.example.com"), "https://a.example.com/x.png", ""),
        (("*", "*.example.com"), "https://a.example.com/x.png", ""),
        (("*", "10.0.0.0/8"), "https://a.example.com/x.png", "a.example.com"),
        (("a.example.com",), "https://a.example.com/x.png", ""),
    ],
)
def test_only_names_that_nothing_but_the_star_allows_are_looked_up(
    allowed: tuple[str, ...], url: str, name: str
) -> None:
    assert MediaUrls(allowed).check(url) == name


def test_names_may_lead_into_the_networks_that_were_allowed() -> None:
    addresses = MediaUrls(("*", "10.0.0.0/8")).addresses
    assert addresses.allows(ipaddress.ip_address("10.0.0.7"))
    assert not addresses.allows(ipaddress.ip_address("192.168.0.7"))


async def test_the_service_looks_up_the_names_of_all_pictures_and_files_of_a_question_before_it_is_asked() -> None:
    names = Names({"a.example.com": [PUBLIC], "b.example.com": ["10.0.0.7"]})
    others = dict.fromkeys(inspect.signature(LlmServicer).parameters)
    given = {
        "router": SimpleNamespace(route=None),
        "shedder": SimpleNamespace(check=lambda: None),
        "media_urls": MediaUrls(("*",)),
        "check_media_names": media_names(names).check,
    }
    servicer = LlmServicer(**cast("dict[str, Any]", others | given))
    parts = [
        llm_pb2.Part(image=llm_pb2.ImagePart(url="https://a.example.com/a.png")),
        llm_pb2.Part(file=llm_pb2.FilePart(url="https://b.example.com/b.pdf")),
    ]
    message = llm_pb2.Message(role=llm_pb2.ROLE_USER, parts=parts)
    request = llm_pb2.CompleteRequest(completion=llm_pb2.CompletionRequest(messages=[message]))
    with pytest.raises(InvalidArgument, match=r"'b.example.com' leads to 10\.0\.0\.7"):
        await servicer.Complete(request, cast("Any", None))
    assert sorted(names.asked) == ["a.example.com", "b.example.com"]
