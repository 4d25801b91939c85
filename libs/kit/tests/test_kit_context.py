import asyncio
import time
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_kit.clock import SystemClock
from penstock_kit.context import (
    ANONYMOUS,
    SYSTEM,
    CallContext,
    Caller,
    context_from_metadata,
    context_if_any,
    context_to_metadata,
    current_context,
    use_context,
)
from penstock_kit.ids import IdSource, new_id

words = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)
callers = st.builds(
    Caller,
    user_id=words,
    tenant_id=words,
    key_id=st.just("") | words,
    scopes=st.frozensets(st.from_regex(r"[a-z]+(:[a-z]+)?", fullmatch=True), max_size=5),
)


@given(callers, words)
def test_identity_survives_the_metadata_in_any_language(caller: Caller, request_id: str) -> None:
    sent = CallContext(request_id=request_id, caller=caller, traceparent="00-aa-bb-01", tracestate="v=1")
    metadata = context_to_metadata(sent)
    assert all(value.isascii() and value.isprintable() for _, value in metadata)
    assert context_from_metadata(metadata, None) == sent


def test_a_percent_sign_in_an_identity_makes_nobody_another() -> None:
    sent = CallContext(request_id="50%25", caller=Caller(user_id="ann%2Fb", tenant_id="ac%6De", key_id="%"))
    assert context_from_metadata(context_to_metadata(sent), None) == sent


def test_a_call_without_metadata_is_anonymous_and_gets_a_request_id() -> None:
    context = context_from_metadata(None, None)
    assert context.caller == ANONYMOUS
    assert context.caller.tenant_id == "default"
    assert context.request_id.startswith("req_")


def test_a_tenant_without_a_user_is_not_an_identity() -> None:
    context = context_from_metadata([("x-penstock-tenant", "acme"), ("x-penstock-scopes", "admin")], None)
    assert context.caller == ANONYMOUS
    assert not context.caller.is_admin


def test_an_oversized_request_id_is_cut() -> None:
    assert len(context_from_metadata([("x-request-id", "a" * 5000)], None).request_id) == 128


def test_the_deadline_counts_down_and_stops_at_zero() -> None:
    begun = time.monotonic()
    context = context_from_metadata((), 60.0)
    remaining = context.remaining()
    assert remaining is not None
    assert 60 - (time.monotonic() - begun) <= remaining <= 60
    assert CallContext(request_id="r", deadline=time.monotonic() - 5).remaining() == 0
    assert CallContext(request_id="r").remaining() is None


def test_outside_a_call_the_context_is_anonymous_and_new_each_time() -> None:
    assert context_if_any() is None
    assert current_context().caller == ANONYMOUS
    assert current_context().request_id != current_context().request_id


async def test_a_context_belongs_to_its_task() -> None:
    seen: dict[str, str] = {}

    async def call(name: str) -> None:
        with use_context(CallContext(request_id=name)):
            await asyncio.sleep(0)
            seen[name] = current_context().request_id

    await asyncio.gather(*(call(f"r{n}") for n in range(20)))
    assert seen == {f"r{n}": f"r{n}" for n in range(20)}
    assert context_if_any() is None


def test_the_system_caller_is_an_administrator() -> None:
    assert SYSTEM.is_admin
    assert not Caller(user_id="u").is_admin


def test_ids_carry_their_prefix_and_sort_by_creation() -> None:
    ids = [new_id("conv") for _ in range(5000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(len(one) == len("conv_") + 26 and one.startswith("conv_") for one in ids)


def test_ids_of_different_processes_do_not_collide() -> None:
    sources = [IdSource() for _ in range(50)]
    ids = {source.new("x") for source in sources for _ in range(50)}
    assert len(ids) == 2500


def test_the_system_clock_is_in_utc() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_another_caller_or_deadline_changes_nothing_else_of_a_call() -> None:
    ann, bob = Caller(user_id="ann", tenant_id="acme"), Caller(user_id="bob")
    call = CallContext("req_1", ann, 5.0, "00-aa-bb-01", "v=1")
    assert call.of_caller(bob) == CallContext("req_1", bob, 5.0, "00-aa-bb-01", "v=1")
    assert call.until(7.0) == CallContext("req_1", ann, 7.0, "00-aa-bb-01", "v=1")
    assert call.unlimited() == CallContext("req_1", ann, None, "00-aa-bb-01", "v=1")


def test_what_a_call_says_of_nobody_and_of_no_trace_is_not_sent() -> None:
    nobody = CallContext(request_id="r", caller=Caller(user_id="", tenant_id="acme"), tracestate="v=1")
    assert context_to_metadata(nobody) == (("x-request-id", "r"),)
    ann = CallContext(request_id="r", caller=Caller(user_id="ann"), traceparent="00-aa-bb-01")
    assert context_to_metadata(ann) == (
        ("x-request-id", "r"),
        ("x-penstock-user", "ann"),
        ("x-penstock-tenant", "default"),
        ("traceparent", "00-aa-bb-01"),
    )


def test_behind_a_block_the_context_is_the_one_before_it() -> None:
    outer, inner = CallContext(request_id="outer"), CallContext(request_id="inner")
    with use_context(outer):
        with pytest.raises(ZeroDivisionError), use_context(inner) as given:
            assert given is current_context() is inner
            raise ZeroDivisionError
        assert current_context() is outer
    assert context_if_any() is None
