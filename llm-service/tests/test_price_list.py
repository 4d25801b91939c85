"""Prices: who wins, the catalogue, long prompts and savings."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from llm_service.adapters.genai_prices import GenaiPrices
from llm_service.domain.billing.price import OperatorPrices, Price, savings_of
from llm_service.domain.billing.price_list import PricedModel, PriceList
from llm_service.domain.model.usage import FREE, UNKNOWN_COST, PriceSource, Usage

MILLION = Usage(input=100_000, output=100_000)


@pytest.fixture
async def prices() -> PriceList:
    urls = {"mine": "https://api.groq.com/openai/v1", "local": "http://127.0.0.1:1/v1"}
    made = PriceList(GenaiPrices(base_url=lambda name: urls.get(name, "")), free=frozenset({"fallback"}))
    await made.ready("openai")
    return made


def flat(amount: str) -> Price:
    return Price(input=Decimal(amount), output=Decimal(amount))


async def test_run_time_wins_over_the_file_and_the_file_over_the_catalogue(prices: PriceList) -> None:
    listed = prices.cost("openai", "gpt-5-mini", MILLION)
    assert listed.source is PriceSource.CATALOGUE
    prices.configure({("openai", "gpt-5-mini"): flat("5")})
    assert prices.cost("openai", "gpt-5-mini", MILLION).amount == 1
    row = PricedModel(
        provider="openai",
        model="gpt-5-mini",
        price=flat("10"),
        source=PriceSource.OPERATOR,
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )
    prices.take({("openai", "gpt-5-mini"): row})
    assert prices.cost("openai", "gpt-5-mini", MILLION).amount == 2


async def test_models_that_callers_make_up_fill_no_memory() -> None:
    catalogue = GenaiPrices(base_url=lambda _: "", most_kept=50)
    await catalogue.load()
    tracemalloc.start()
    try:
        for number in range(500):
            assert catalogue.price("openai", f"{number:06}" + "x" * 9_994) is None
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000, "500 names of 10,000 characters were asked for"


async def test_an_unknown_price_is_unknown_and_the_offline_provider_free(prices: PriceList) -> None:
    assert prices.cost("openai", "gpt-99-unheard-of", MILLION).amount is None
    assert prices.cost("local", "qwen3", MILLION).amount is None
    assert prices.cost("fallback", "rules", MILLION).amount == 0


async def test_every_default_model_of_every_vendor_has_a_price(prices: PriceList) -> None:
    for provider, model in (
        ("gemini", "gemini-2.5-flash"),
        ("anthropic", "claude-sonnet-4-5"),
        ("deepseek", "deepseek-chat"),
        ("qwen", "qwen-plus"),
        ("glm", "glm-4.6"),
    ):
        cost = prices.cost(provider, model, MILLION)
        assert cost.amount, provider
        assert cost.source is PriceSource.CATALOGUE


async def test_a_provider_of_ones_own_is_found_by_its_base_url(prices: PriceList) -> None:
    assert prices.cost("mine", "llama-3.3-70b-versatile", MILLION).amount


def test_a_call_under_a_micro_dollar_has_its_exact_cost() -> None:
    price = Price(input=Decimal("0.05"), output=Decimal("0.4"), cache_read=Decimal("0.005"))
    assert price.amount(Usage(input=1)) == Decimal("0.00000005")
    assert price.amount(Usage(input=3, cache_read=1, output=1)) == Decimal("0.000000555")
    assert price.saved(Usage(cache_read=1)) == Decimal("0.000000045")


async def test_long_prompts_have_their_own_price(prices: PriceList) -> None:
    short = prices.cost("gemini", "gemini-2.5-pro", Usage(input=200_000)).amount
    long = prices.cost("gemini", "gemini-2.5-pro", Usage(input=200_001)).amount
    assert short is not None
    assert long is not None
    assert long > short * Decimal("1.9")


def test_what_the_prompt_cache_saved_is_the_difference_to_input() -> None:
    price = Price(input=Decimal(10), output=Decimal(0), cache_read=Decimal(1), cache_write=Decimal("12.5"))
    assert price.saved(Usage(cache_read=1_000_000)) == 9
    assert price.saved(Usage(cache_read=1_000_000, cache_write=1_000_000)) == Decimal("6.5")
    assert price.saved(Usage(input=5)) == 0


def test_a_model_without_a_price_saves_by_the_price_of_the_one_that_says_it_answered() -> None:
    price = Price(input=Decimal(10), output=Decimal(0), cache_read=Decimal(1))
    dearer = replace(price, input=Decimal(20))
    prices = OperatorPrices({("p", "alias"): price, ("p", "dated"): dearer}, free=frozenset())
    read = Usage(cache_read=1_000_000)
    saved = [savings_of(prices, "p", asked, "dated", read).amount for asked in ("alias", "unknown", "dated")]
    assert saved == [9, 19, 19]
    assert savings_of(prices, "p", "unknown", "unknown", read).amount is None


async def test_the_list_has_operators_rows_and_the_listed_models(prices: PriceList) -> None:
    prices.configure({("local", "m"): flat("1")})
    rows = prices.rows({"openai": ("gpt-5-mini", "unheard-of"), "fallback": ("rules",)})
    assert [(row.provider, row.model, row.source.value) for row in rows] == [
        ("local", "m", "operator"),
        ("openai", "gpt-5-mini", "catalogue"),
    ]


def test_what_is_cached_for_an_hour_costs_more_than_what_is_cached_for_five_minutes() -> None:
    price = Price(input=Decimal(4), output=Decimal(20), cache_read=Decimal("0.4"), cache_write=Decimal(5))
    usage = Usage(cache_write=1_000_000, cache_write_hour=400_000)
    assert price.amount(usage) == Decimal("6.2")  # 600,000 at 5 and 400,000 at 8, which is twice the input
    assert price.saved(usage) == Decimal("-2.2")
    fixed = Price(input=Decimal(4), output=Decimal(20), cache_write=Decimal(5), cache_write_hour=Decimal(6))
    assert fixed.amount(usage) == Decimal("5.4")
    assert Price(input=Decimal(4), output=Decimal(20)).amount(usage) == Decimal(4)


async def test_the_list_price_of_an_hour_is_anthropics(prices: PriceList) -> None:
    short, hour = Usage(cache_write=100_000), Usage(cache_write=100_000, cache_write_hour=100_000)
    listed = [prices.cost("anthropic", "claude-sonnet-4-5", usage).amount for usage in (short, hour)]
    assert listed == [Decimal("0.375"), Decimal("0.6")]


def test_a_class_without_a_price_is_billed_as_input_and_reasoning_as_output() -> None:
    price = Price(input=Decimal(4), output=Decimal(20))
    assert price.amount(Usage(cache_read=1_000_000)) == 4
    assert price.amount(Usage(cache_write=1_000_000)) == 4
    assert price.amount(Usage(output=250_000, reasoning=250_000)) == 10
    assert price.saved(Usage(cache_read=1_000_000, cache_write=1_000_000)) == 0


def test_a_model_without_a_price_of_output_has_none_of_a_call_with_output() -> None:
    price = Price(input=Decimal(4))
    assert price.amount(Usage(input=500_000)) == 2
    assert price.amount(Usage(input=500_000, output=1)) is None


def test_the_price_of_long_prompts_counts_from_the_first_token_above_the_bound_for_the_whole_call() -> None:
    long = Price(input=Decimal(2), output=Decimal(20), cache_read=Decimal(1))
    price = Price(input=Decimal(1), output=Decimal(10), cache_read=Decimal("0.25"), long_from=100, long=long)
    short, longer = Usage(input=40, cache_read=60, output=1000), Usage(input=41, cache_read=60, output=1000)
    assert price.amount(short) == (40 + Decimal("0.25") * 60 + 10_000) / Decimal(1_000_000)
    assert price.amount(longer) == (2 * 41 + 60 + 20_000) / Decimal(1_000_000)
    assert [price.saved(usage) * 1_000_000 for usage in (short, longer)] == [45, 60]


async def test_savings_are_by_the_price_in_force_free_offline_and_unknown_without_one(prices: PriceList) -> None:
    read = Usage(cache_read=1_000_000)
    prices.configure({("local", "m"): Price(input=Decimal(3), cache_read=Decimal(1))})
    found = [prices.savings(*model, read) for model in (("local", "m"), ("fallback", "rules"), ("local", "unheard-of"))]
    assert [(each.amount, each.source) for each in found] == [
        (2, PriceSource.OPERATOR),
        (0, FREE.source),
        (None, UNKNOWN_COST.source),
    ]


async def test_an_operators_price_of_the_offline_provider_counts_and_a_price_taken_back_is_gone(
    prices: PriceList,
) -> None:
    prices.configure({("fallback", "rules"): flat("5")})
    assert prices.cost("fallback", "rules", MILLION).amount == 1
    assert [row.price.input for row in prices.rows({})] == [5]
    prices.configure({})
    prices.take({})
    assert prices.cost("fallback", "rules", MILLION) == FREE
    assert prices.rows({}) == []


async def test_the_catalogue_is_loaded_for_vendors_and_never_for_the_offline_provider() -> None:
    class Catalogue:
        """Counts how often it is loaded."""

        loads = 0

        async def load(self) -> None:
            self.loads += 1

        def price(self, provider: str, model: str) -> Price | None:
            return flat("1")

    catalogue = Catalogue()
    made = PriceList(catalogue, free=frozenset({"fallback"}))
    await made.ready("fallback")
    assert (catalogue.loads, made.cost("fallback", "rules", MILLION)) == (0, FREE)
    await made.ready("openai")
    assert catalogue.loads == 1
