"""Calls to the other services share streams, unless that is turned off."""

from typing import Any

import pytest

from chat_stream_service.composition.resources import open_resources
from chat_stream_service.settings import ChatSettings
from penstock_kit.grpc.call import StreamingCall
from penstock_kit.grpc.multiplex.call import MultiplexedStreamingCall


@pytest.mark.parametrize(("is_on", "kind"), [(True, MultiplexedStreamingCall), (False, StreamingCall)])
async def test_the_setting_decides_whether_calls_share_a_stream(
    chat_settings: ChatSettings, is_on: bool, kind: type[Any]
) -> None:
    async with open_resources(chat_settings.model_copy(update={"multiplex_calls": is_on})) as resources:
        assert type(resources.llm.unary_stream("/penstock.llm.v1.LlmService/StreamComplete")) is kind


@pytest.mark.parametrize("is_on", [True, False])
async def test_an_answer_is_the_same_with_and_without_multiplexed_calls(chat_with: Any, is_on: bool) -> None:
    async with chat_with(multiplex_calls=is_on) as chat:
        chat.llm.rounds = [chat.says("Hel", "lo ", "there")]
        events = await chat.answer(await chat.conversation(), "Hi")
        assert events[-1].complete_state.content == "Hello there"
