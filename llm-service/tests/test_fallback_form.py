"""What the offline provider says of the form that was asked of its answer."""

from collections.abc import Callable

import pytest

from llm_service.domain.model.completion import fold
from llm_service.domain.model.event import Finished, FinishReason, Started, TextDelta, ToolCallDelta
from llm_service.domain.model.message import Role, text_message
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ResponseFormat, Sampling, ToolDefinition
from llm_service.providers.fallback import FallbackProvider
from penstock_kit.token_estimate import estimate_tokens
from penstock_testkit.clock import ManualClock

ALL = Sampling(n=2, stop=("x",), logprobs=True)
LIST_DEVICES = ToolDefinition(name="list_devices", parameters="{}")
PLAIN = Sampling(n=1, temperature=0.2, max_output_tokens=9)


@pytest.mark.parametrize(
    ("sampling", "form", "named"),
    [
        (ALL, ResponseForm.JSON_OBJECT, ("stop", "logprobs", "response_format")),
        (PLAIN, ResponseForm.TEXT, ()),
    ],
)
async def test_a_form_that_rules_do_not_give_an_answer_is_named(
    new_id: Callable[[str], str], sampling: Sampling, form: ResponseForm, named: tuple[str, ...]
) -> None:
    provider = FallbackProvider(clock=ManualClock(), new_id=new_id)
    messages = (text_message(Role.USER, "hello"),)
    asked = CompletionRequest(messages=messages, sampling=sampling, response_format=ResponseFormat(form=form))
    events = [event async for batch in provider.stream(asked) for event in batch]
    assert isinstance(events[0], Started)
    assert events[0].dropped_params == named
    await provider.close()


@pytest.mark.parametrize("tools", [(), (LIST_DEVICES,)])
async def test_several_choices_are_the_same_answer_that_often_and_counted(
    new_id: Callable[[str], str], tools: tuple[ToolDefinition, ...]
) -> None:
    provider = FallbackProvider(clock=ManualClock(), new_id=new_id)
    messages, answers, outputs = (text_message(Role.USER, "list devices"),), list[list[str]](), list[int]()
    for number in (1, 3):
        asked = CompletionRequest(messages=messages, tools=tools, sampling=Sampling(n=number))
        events = [event async for batch in provider.stream(asked) for event in batch]
        said = ["".join(_said(event, index) for event in events) for index in range(4)]
        assert all(said[:number])
        assert not any(said[number:])
        answers.append(said[:number])
        assert isinstance(events[-1], Finished)
        assert events[-1].usage is not None
        outputs.append(events[-1].usage.output)
    assert answers[1] == answers[0] * 3
    assert outputs[1] == outputs[0] * 3
    await provider.close()


def _said(event: object, index: int) -> str:
    match event:
        case TextDelta() if event.index == index:
            return event.text
        case ToolCallDelta() if event.index == index:
            return f"{event.name}({event.arguments})"
        case _:
            return ""


@pytest.mark.parametrize("most", [1, 5, 20, 50])
@pytest.mark.parametrize("text", ["hello", "你好"])
async def test_an_answer_ends_with_the_tokens_that_were_asked_for(
    new_id: Callable[[str], str], text: str, most: int
) -> None:
    provider = FallbackProvider(clock=ManualClock(), new_id=new_id)
    messages = (text_message(Role.USER, text),)
    whole = await fold(provider.stream(CompletionRequest(messages=messages)))
    limited = CompletionRequest(messages=messages, sampling=Sampling(max_output_tokens=most))
    found = await fold(provider.stream(limited))
    assert found.finished.reason is FinishReason.LENGTH
    assert whole.first.text.startswith(found.first.text)
    assert 0 < estimate_tokens(found.first.text) <= most
    assert found.finished.usage.output <= most


async def test_an_answer_within_the_tokens_asked_for_is_whole(new_id: Callable[[str], str]) -> None:
    provider = FallbackProvider(clock=ManualClock(), new_id=new_id)
    asked = CompletionRequest(messages=(text_message(Role.USER, "thanks"),), sampling=Sampling(max_output_tokens=50))
    found = await fold(provider.stream(asked))
    assert (found.finished.reason, found.first.text) == (FinishReason.STOP, "You're welcome.")
