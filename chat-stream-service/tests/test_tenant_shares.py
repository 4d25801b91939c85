"""Who has as many streams as its equal share, and who is served because it has fewer."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from penstock.common.v1 import process_pb2

from chat_stream_service.domain.stream.tenant_shares import TenantShares
from penstock_kit.context import Caller
from penstock_kit.errors import Unavailable
from penstock_testkit.contracts.stream_law import assert_whole
from penstock_testkit.services import Wait
from penstock_testkit.waiting import HANG_SECONDS, until


def test_one_tenant_alone_always_has_its_share() -> None:
    shares = TenantShares()
    assert shares.has_its_share("a")
    shares.add("a")
    assert shares.has_its_share("a")


def test_a_tenant_has_its_share_with_as_many_streams_as_each_would_have() -> None:
    shares = TenantShares()
    for tenant in "aaaab":
        shares.add(tenant)
    assert [shares.has_its_share(tenant) for tenant in "abc"] == [True, False, False]
    shares.add("b")
    shares.add("b")
    shares.add("b")
    assert shares.has_its_share("b")


def test_a_tenant_whose_streams_have_ended_counts_no_longer() -> None:
    shares = TenantShares()
    for tenant in "aab":
        shares.add(tenant)
    shares.remove("b")
    # With two tenants one would be the share, with one it is two.
    shares.remove("a")
    assert shares.has_its_share("a")
    assert not shares.has_its_share("c")


async def test_while_the_store_is_behind_a_tenant_that_asks_little_is_served(
    chat_with: Callable[..., Any], eve: Caller
) -> None:
    async with chat_with() as chat, asyncio.timeout(HANG_SECONDS):
        gate = asyncio.Event()
        script = chat.says("one ")
        chat.llm.rounds = [script]
        conversations = [await chat.conversation() for _ in range(3)]
        async with chat.as_caller(eve):
            light = await chat.conversation()
            for _ in range(3):  # what has ended counts for nothing
                await chat.answer(light)
        held = [*script[:1], Wait(gate), *script[1:]]
        chat.llm.rounds = [held, held, script]
        asked = len(chat.llm.completions)
        calls = [chat.ask(each) for each in conversations[:2]]
        await until(lambda: len(chat.llm.completions) == asked + 2)
        with chat.services.pending_writes.track_write():
            with chat.services.pending_writes.track_write():
                pass
            await until(lambda: chat.services.pending_writes.delay > 1)
            told = await chat.processes.GetDelay(process_pb2.GetDelayRequest())
            assert told.delay.ToMilliseconds() >= 1000
            with pytest.raises(Unavailable) as refused:
                await chat.answer(conversations[2])
            assert refused.value.reason == "LOAD_LIMIT_EXCEEDED"
            async with chat.as_caller(eve):
                assert_whole(await chat.answer(light))
        gate.set()
        for call in calls:
            assert_whole(await chat.events(call))


async def test_while_the_process_can_not_answer_in_time_questions_are_refused(chat: Any) -> None:
    conversation = await chat.conversation()
    chat.services.shedder.share = 1.0
    with pytest.raises(Unavailable, match="come again in a moment") as refused:
        await chat.answer(conversation)
    assert refused.value.reason == "LOAD_LIMIT_EXCEEDED"
    chat.services.shedder.share = 0.0
    assert_whole(await chat.answer(conversation))
