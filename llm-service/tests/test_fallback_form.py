"""What the offline provider says of the form that was asked of its answer."""

from collections.abc import Callable

import pytest

from llm_service.domain.model.event import Started
from llm_service.domain.model.message import Role, text_message
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ResponseFormat, Sampling
from llm_service.providers.fallback import FallbackProvider
from penstock_testkit.clock import ManualClock

ALL = Sampling(n=2, stop=("x",), logprobs=True)
PLAIN = Sampling(n=1, temperature=0.2, max_output_tokens=9)


@pytest.mark.parametrize(
    ("sampling", "form", "named"),
    [
        (ALL, ResponseForm.JSON_OBJECT, ("n", "stop", "logprobs", "response_format")),
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
