"""Prices: who wins, the catalogue, long prompts and savings."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from llm_service.adapters.genai_prices import GenaiPrices
from llm_service.domain.billing.price import OperatorPrices, Price, savings_of
from llm_service.domain.billing.price_list import PricedModel, PriceList
from llm_service.domain.model.usage import PriceSource, Usage

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
