"""What a caller may ask for: the models its key allows, and the aliases that lead to one of them."""

from collections.abc import Callable

from llm_service.domain.billing.key_policy import KeyPolicy
from llm_service.domain.model.profile import FALLBACK_PROFILE, ProviderProfile
from llm_service.domain.model.route import Candidate, ProviderEntry, RoutingTable
from llm_service.domain.routing.model_list import ListedModel, list_models

ALIASES = {
    "fast": ("local/qwen3",),
    "best": ("openai/gpt-5", "local/qwen3"),
    "vectors": ("nomic-embed-text",),
    "offline": ("fallback/rules",),
}


def profile(name: str, *models: str) -> ProviderProfile:
    return ProviderProfile(name=name, dialect="openai", models=models, base_url="http://127.0.0.1:9/v1")


PROFILES = (profile("openai", "gpt-5"), profile("local", "qwen3", "nomic-embed-text"), FALLBACK_PROFILE)


def table(*entries: ProviderEntry) -> RoutingTable:
    return RoutingTable(entries=(*entries, ProviderEntry(provider="fallback", models=("rules",))), aliases=ALIASES)


CHAT = table(ProviderEntry(provider="openai", models=("gpt-5",)), ProviderEntry(provider="local", models=("qwen3",)))
EMBEDDING = table(
    ProviderEntry(provider="openai", models=()), ProviderEntry(provider="local", models=("nomic-embed-text",))
)


def listed(allows: Callable[[Candidate], bool]) -> dict[str, ListedModel]:
    return {model.id: model for model in list_models(PROFILES, CHAT, EMBEDDING, allows)}


def by_policy(*patterns: str) -> Callable[[Candidate], bool]:
    policy = KeyPolicy(tenant_id="default", key_id="k", allowed_models=patterns)
    return lambda candidate: policy.allows(candidate.provider, candidate.model)


def test_a_key_without_an_allow_list_sees_models_first_and_aliases_after() -> None:
    names = list(listed(by_policy()))
    assert names[:3] == ["openai/gpt-5", "local/qwen3", "local/nomic-embed-text"]
    assert names[-4:] == ["fast", "best", "vectors", "offline"]


def test_a_key_sees_only_what_it_may_use_and_what_leads_there() -> None:
    found = listed(by_policy("local/qwen3"))
    assert list(found) == ["local/qwen3", "fast", "best"]
    assert found["best"].targets == ("local/qwen3",)
    assert found["local/qwen3"].aliases == ("fast", "best")


def test_an_alias_of_a_model_that_embeds_says_so() -> None:
    vectors = listed(by_policy())["vectors"]
    assert (vectors.provider, vectors.is_embedding, vectors.targets) == (
        "local",
        True,
        ("local/nomic-embed-text",),
    )


def test_the_offline_provider_behind_an_alias_does_not_make_it_usable() -> None:
    assert "fast" not in listed(by_policy("fallback/*"))
    assert listed(by_policy("fallback/*"))["offline"].targets == ("fallback/rules",)
