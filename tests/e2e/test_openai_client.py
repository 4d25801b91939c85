"""The unmodified openai client pointed at the gateway."""

import openai
import pytest

from penstock_testkit.system import RunningSystem
from penstock_testkit.waiting import HANG_SECONDS


@pytest.fixture
def client(system: RunningSystem) -> openai.OpenAI:
    """The official client with the gateway as base URL."""
    return openai.OpenAI(base_url=f"{system.url}/v1", api_key=system.key, max_retries=0, timeout=HANG_SECONDS)


def test_models_lists_at_least_the_offline_one(client: openai.OpenAI) -> None:
    assert any(model.id.startswith("fallback/") for model in client.models.list())


def test_a_completion_has_text_a_finish_reason_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="fallback/rules", messages=[{"role": "user", "content": "Hello"}])
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_a_streamed_completion_joins_to_the_same_text(client: openai.OpenAI) -> None:
    messages: list = [{"role": "user", "content": "Hello"}]
    whole = client.chat.completions.create(model="fallback/rules", messages=messages).choices[0].message.content
    stream = client.chat.completions.create(
        model="fallback/rules", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    assert chunks[-1].usage is not None
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_an_unknown_model_is_a_404_that_names_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "Hello"}])


def test_a_wrong_key_is_an_authentication_error(system: RunningSystem) -> None:
    stranger = openai.OpenAI(base_url=f"{system.url}/v1", api_key="psk_wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
