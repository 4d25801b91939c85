"""What the policy of a key allows."""

import pytest
from penstock.llm.v1 import cost_pb2

from llm_service.domain.billing.key_policy import MAX_PATTERN, MAX_PATTERNS, KeyPolicy
from llm_service.edge.rule import key_policy_from_proto
from penstock_kit.errors import InvalidArgument


def policy(*allowed_models: str) -> KeyPolicy:
    return KeyPolicy(tenant_id="t", key_id="k", allowed_models=allowed_models)


def test_a_pattern_that_was_stored_before_there_were_bounds_allows_nothing_and_takes_no_time() -> None:
    # Python would look for the end of each of these brackets through all of the others, once for every call.
    assert not policy("[" * 90_000).allows("openai", "gpt-5")
    assert not policy("*" + "x" * MAX_PATTERN).allows("openai", "x" * MAX_PATTERN)
    assert not policy(*["none"] * MAX_PATTERNS, "openai/*").allows("openai", "gpt-5")
    assert policy("[" * 90_000, "openai/*").allows("openai", "gpt-5")


def test_a_pattern_at_its_bound_still_counts_and_no_pattern_allows_a_longer_name() -> None:
    longest = "x" * (MAX_PATTERN - len("openai/"))
    assert policy("*").allows("openai", longest)
    assert policy(f"openai/{longest}").allows("openai", longest)
    assert not policy("*").allows("openai", "x" * (MAX_PATTERN + 1))
    assert policy().allows("openai", "x" * (MAX_PATTERN + 1))


@pytest.mark.parametrize("models", [["[" * (MAX_PATTERN + 1)], ["a"] * (MAX_PATTERNS + 1)])
def test_a_policy_with_too_many_or_too_long_patterns_is_refused_by_its_name(models: list[str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        key_policy_from_proto(cost_pb2.KeyPolicy(key_id="k", allowed_models=models), tenant_id="t")
    assert [violation.field for violation in caught.value.violations] == ["policy.allowed_models"]
    most = cost_pb2.KeyPolicy(key_id="k", allowed_models=["a" * MAX_PATTERN] * MAX_PATTERNS)
    assert len(key_policy_from_proto(most, tenant_id="t").allowed_models) == MAX_PATTERNS
