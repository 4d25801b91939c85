"""Counts of vendors as disjoint classes: whatever a vendor sends, no token is sold twice and none is negative."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.domain.model.usage import Usage
from llm_service.providers import anthropic_event, gemini_event, openai_chunk

UsageOf = Callable[[Mapping[str, Any]], Usage]
CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")
counts = st.one_of(st.none(), st.integers(-2, 9))
openai_usage = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": counts,
        "completion_tokens": counts,
        "prompt_cache_hit_tokens": counts,
        "prompt_tokens_details": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "cached_tokens": counts,
                "cache_creation_input_tokens": counts,
                "cache_write_tokens": counts,
            },
        ),
        "completion_tokens_details": st.none() | st.fixed_dictionaries({}, optional={"reasoning_tokens": counts}),
    },
)
gemini_names = (
    "promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount", "candidatesTokenCount",
    "thoughtsTokenCount",
)  # fmt: skip
gemini_usage = st.fixed_dictionaries({}, optional=dict.fromkeys(gemini_names, counts))
anthropic_names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
anthropic_usage = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(anthropic_names, counts),
        "cache_creation": st.none() | st.fixed_dictionaries({}, optional={"ephemeral_1h_input_tokens": counts}),
        "output_tokens_details": st.none() | st.fixed_dictionaries({}, optional={"thinking_tokens": counts}),
    },
)


def sold(usage: Mapping[str, Any], *names: str) -> int:
    """What the vendor says it sold under these names."""
    return sum(max(0, usage.get(name) or 0) for name in names)


def assert_disjoint(usage: Usage, *, prompt: int, completion: int) -> None:
    assert (usage.prompt, usage.completion) == (prompt, completion)
    assert min(getattr(usage, name) for name in CLASSES) >= 0
    assert 0 <= usage.cache_write_hour <= usage.cache_write


@given(openai_usage)
def test_openais_classes_are_never_negative_and_sum_to_what_was_sold(usage: Mapping[str, Any]) -> None:
    prompt, completion = sold(usage, "prompt_tokens"), sold(usage, "completion_tokens")
    assert_disjoint(openai_chunk.usage_of(usage), prompt=prompt, completion=completion)


@given(gemini_usage)
def test_geminis_classes_are_never_negative_and_sum_to_what_was_sold(usage: Mapping[str, Any]) -> None:
    completion = sold(usage, "candidatesTokenCount", "thoughtsTokenCount")
    prompt = sold(usage, "promptTokenCount", "toolUsePromptTokenCount")
    assert_disjoint(gemini_event.usage_of(usage), prompt=prompt, completion=completion)


@given(anthropic_usage)
def test_anthropics_classes_are_never_negative_and_sum_to_what_was_sold(usage: Mapping[str, Any]) -> None:
    prompt = sold(usage, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    assert_disjoint(anthropic_event.usage_of(usage), prompt=prompt, completion=sold(usage, "output_tokens"))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 5}},
            Usage(cache_read=8, cache_write=2),
        ),
        (
            {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 3, "cache_creation_input_tokens": 4}},
            Usage(input=3, cache_read=3, cache_write=4),
        ),
        ({"prompt_tokens": 10, "prompt_cache_hit_tokens": 4}, Usage(input=6, cache_read=4)),
        (
            {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
            Usage(output=5, reasoning=4),
        ),
    ],
)
def test_what_was_read_from_the_cache_or_written_to_it_is_no_input(usage: Mapping[str, Any], expected: Usage) -> None:
    assert openai_chunk.usage_of(usage) == expected
