"""Where requests go."""

import pytest

from llm_service.domain.model.route import ProviderEntry, RoutingTable, plan_route
from penstock_kit.errors import InvalidArgument, NotFound

TABLE = RoutingTable(
    entries=(
        ProviderEntry(provider="openai", models=("gpt-5-mini", "gpt-5")),
        ProviderEntry(provider="local", models=("qwen3", "gpt-5")),
        ProviderEntry(provider="fallback", models=("rules",)),
    ),
    aliases={"fast": ("openai/gpt-5-mini", "local/qwen3"), "smart": ("gpt-5",)},
)


def places(model: str, **options: object) -> list[str]:
    route = plan_route(TABLE, model, **options)  # type: ignore[arg-type]
    return [f"{candidate.provider}/{candidate.model}" for candidate in route.candidates]


@pytest.mark.parametrize("model", ["", "auto"])
def test_no_model_means_every_provider_in_order_with_its_default_model(model: str) -> None:
    assert places(model) == ["openai/gpt-5-mini", "local/qwen3", "fallback/rules"]


def test_a_provider_and_model_go_there_and_nowhere_else() -> None:
    assert places("openai/gpt-5") == ["openai/gpt-5"]


def test_a_model_that_is_not_listed_can_be_named_with_its_provider() -> None:
    assert places("openai/gpt-7-preview") == ["openai/gpt-7-preview"]


def test_a_model_with_a_slash_of_its_own_is_kept_whole() -> None:
    assert places("local/meta-llama/Llama-4") == ["local/meta-llama/Llama-4"]


def test_a_bare_model_goes_to_those_that_list_it_and_then_to_the_offline_provider() -> None:
    assert places("gpt-5") == ["openai/gpt-5", "local/gpt-5", "fallback/rules"]


def test_a_provider_alone_means_its_default_model() -> None:
    assert places("local") == ["local/qwen3", "fallback/rules"]


def test_an_alias_goes_to_what_it_stands_for_and_then_to_the_offline_provider() -> None:
    assert places("fast") == ["openai/gpt-5-mini", "local/qwen3", "fallback/rules"]
    assert places("smart") == ["openai/gpt-5", "local/gpt-5", "fallback/rules"]
    assert plan_route(TABLE, "fast").alias == "fast"


def test_the_offline_provider_can_be_named() -> None:
    assert places("fallback/rules") == ["fallback/rules"]
    assert places("fallback") == ["fallback/rules"]


def test_excluded_providers_are_left_out() -> None:
    assert places("", exclude=("openai",)) == ["local/qwen3", "fallback/rules"]
    assert places("", exclude=("openai", "fallback")) == ["local/qwen3"]


def test_a_provider_without_models_of_the_kind_is_only_there_by_name() -> None:
    table = RoutingTable(
        entries=(ProviderEntry(provider="chatty", models=()), ProviderEntry(provider="fallback", models=("hashing",)))
    )
    assert [candidate.provider for candidate in plan_route(table, "").candidates] == ["fallback"]
    assert [candidate.model for candidate in plan_route(table, "chatty/embed-9").candidates] == ["embed-9"]


def test_an_unknown_model_is_not_found_and_the_known_ones_are_named() -> None:
    with pytest.raises(NotFound, match=r"'gpt-9' was not found; there are: fast, smart, openai/gpt-5-mini") as caught:
        plan_route(TABLE, "gpt-9")
    assert caught.value.reason == "MODEL_NOT_FOUND"


def test_a_provider_that_is_not_configured_is_named_as_such() -> None:
    with pytest.raises(NotFound, match="no provider 'mistral' is configured; there are: openai, local, fallback"):
        plan_route(TABLE, "mistral/large")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="unknown policy 'dice'"):
        plan_route(TABLE, "", policy="dice")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("openai/" + "x" * 194, "has 201 characters; 200 are allowed"),
        ("openai/gpt\n5", "U\\+000A"),
        ("local/\x1b[2J", "U\\+001B"),
        ("local/a\u202eb", "U\\+202E"),
        ("\0", "U\\+0000"),
    ],
)
def test_what_can_be_no_models_name_reaches_no_vendor(model: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        plan_route(TABLE, model)
    assert caught.value.reason == "MODEL_INVALID"


def test_any_name_that_can_be_read_is_a_model_of_its_provider() -> None:
    for model in ("hf.co/a/b:Q4_K_M", "通义 千问", "x" * 193):
        assert places(f"openai/{model}") == [f"openai/{model}"]
