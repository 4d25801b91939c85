"""What of a ticket is read, what its refusal says, and how often a cache-service that is away is asked."""

from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from gateway.auth.ticket import Tickets
from gateway.auth.used_tickets import ClusterUsedTickets, LocalUsedTickets
from penstock_kit.context import Caller
from penstock_kit.errors import Unauthenticated, Unavailable
from penstock_testkit.clock import ManualClock

SECRET = "s" * 32
ANN = Caller(user_id="ann", tenant_id="acme", key_id="k1", scopes=frozenset({"chat"}))


async def unchanged(caller: Caller) -> Caller:
    return caller


def tickets() -> Tickets:
    clock = ManualClock()
    return Tickets(secrets=(SECRET,), used=LocalUsedTickets(clock), revalidate=unchanged, clock=clock)


def signed(**changed: Any) -> str:
    """Return a ticket with other claims, signed all the same."""
    text = tickets().issue(ANN, "str_1")
    claims = jwt.decode(text, SECRET, algorithms=["HS256"], audience="penstock-ticket", options={"verify_exp": False})
    return jwt.encode(claims | changed, SECRET, algorithm="HS256", headers={"typ": "ticket+jwt"})


async def test_a_signed_ticket_is_read_up_to_4096_characters_and_no_further() -> None:
    room = 4096 - len(signed(pad=""))
    lengths = {
        len(text): text for size in range(room * 3 // 4 - 8, room * 3 // 4 + 8) for text in [signed(pad="x" * size)]
    }
    last = max(length for length in lengths if length <= 4096)
    first = min(length for length in lengths if length > 4096)
    assert await tickets().redeem(lengths[last], "str_1") == ANN
    with pytest.raises(Unauthenticated):
        await tickets().redeem(lengths[first], "str_1")


@pytest.mark.parametrize("changed", [{"iss": "another"}, {"aud": "another"}, {"for": "str_2"}])
async def test_a_ticket_of_another_issuer_audience_or_subject_is_refused_with_its_reason(
    changed: dict[str, str],
) -> None:
    assert await tickets().redeem(signed(), "str_1") == ANN
    with pytest.raises(Unauthenticated) as refused:
        await tickets().redeem(signed(**changed), "str_1")
    assert refused.value.reason == "TICKET_INVALID"


async def test_a_cache_service_that_is_away_is_asked_once_a_second_and_for_a_quarter_of_one() -> None:
    clock, asked = ManualClock(), list[tuple[str, int, float]]()
    away = True

    async def set_(request: Any, *, timeout: float) -> Any:
        asked.append((request.entry.key, request.entry.ttl.seconds, timeout))
        if away:
            raise Unavailable("away", reason="SERVICE_UNAVAILABLE")
        return SimpleNamespace(written=len(asked) % 2 == 0)

    stub: Any = SimpleNamespace(Set=set_)
    used = ClusterUsedTickets(stub, clock)
    assert [await used.mark_used(name, 30.0) for name in ("a", "b", "a")] == [True, True, False]
    assert asked == [("gateway:claim:a", 31, 0.25)]
    clock.advance(1)
    away = False
    assert [await used.mark_used(name, 30.0) for name in ("c", "d")] == [True, False]
    assert [key for key, *_ in asked[1:]] == ["gateway:claim:c", "gateway:claim:d"]


async def test_tickets_that_have_ended_make_room() -> None:
    clock = ManualClock()
    used = LocalUsedTickets(clock)
    for name in "abc":
        assert await used.mark_used(name, 30.0)
        clock.advance(10)
    assert await used.mark_used("d", 30.0)  # at the end of the first
    assert list(used._ends) == ["b", "c", "d"]
