"""A price that a question names is read wherever it stands, and the rest asks for the amount that it is of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_service.domain.offline.price_said import take_prices
from llm_service.domain.offline.query import Price

LITRE, METRE, KWH = Price(amount=0.02, unit="L"), Price(amount=1.5, unit="m"), Price(amount=0.3, unit="kWh")


@settings(deadline=None)
@given(
    amount=st.decimals(min_value="0.01", max_value="99", places=2),
    currency=st.sampled_from([("€", "€"), ("EUR", "EUR"), ("dollars", "$"), ("ct", "cents"), ("", "")]),
    unit=st.sampled_from(
        [("litre", "L"), ("L", "L"), ("m3", "m3"), ("metre", "m"), ("kWh", "kWh"), ("cubic meter", "m3")]
    ),
    per=st.sampled_from(["per ", "/", "a ", "for each "]),
    form=st.sampled_from(
        ["It is {0}. What did WLD001 cost today?", "what did WLD001 cost today at {0}", "at {0}, cost of WLD001 today"]
    ),
)
def test_a_price_is_cut_out_wherever_it_stands(amount, currency, unit, per, form):
    priced = take_prices(form.format(f"{amount} {currency[0]} {per}{unit[0]}".replace("  ", " ")), chinese=False)
    assert priced is not None
    assert priced.prices == (Price(amount=float(amount), unit=unit[1], currency=currency[1]),)
    assert "used" in priced.text
    assert {"WLD001", "today"} <= set(priced.text.replace("?", "").split())
    assert "cost" not in priced.text
    assert not any(letter.isdecimal() for letter in priced.text.replace("WLD001", ""))


@pytest.mark.parametrize(
    ("text", "rest", "prices"),
    [
        (
            "若气体每升0.02元，WLD001昨天的气体花了多少钱",
            "WLD001昨天的气体用量",
            (Price(amount=0.02, unit="L", currency="元"),),
        ),
        ("电价0.8元/度，WLD002昨天电费多少", "WLD002昨天电能用量多少", (Price(amount=0.8, unit="kWh", currency="元"),)),
        ("按每度电0.8元算，昨天哪台电费最高", "昨天哪台电能用量最高", (Price(amount=0.8, unit="kWh", currency="元"),)),
        ("一升气2分钱，WLD001今天花了多少钱", "WLD001今天气体用量", (Price(amount=0.02, unit="L", currency="元"),)),
        ("焊丝每米3角，WLD001今天花费", "WLD001今天焊丝用量", (Price(amount=0.3, unit="m", currency="元"),)),
    ],
)
def test_prices_are_read_in_chinese(text, rest, prices):
    priced = take_prices(text, chinese=True)
    assert priced is not None
    assert (priced.text, priced.prices) == (rest, prices)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("a litre of gas costs 2 cents, what did WLD003 cost today", "what did WLD003 used gas today"),
        ("How much did hall A spend on gas today at €0.02/l?", "How much did hall A used on gas today ?"),
        ("given that wire is 2 $ per metre, what did we pay for WLD001", "what did we used wire for WLD001"),
        ("what did that cost me at 0.30 EUR per kWh", "what did that used energy"),
        ("with gas at 12 pence a litre which machine was most expensive", "which machine was most used gas"),
    ],
)
def test_words_for_costs_ask_for_the_amount_of_what_is_sold(text, rest):
    priced = take_prices(text, chinese=False)
    assert priced is not None
    assert " ".join(priced.text.split()) == rest


def test_a_question_that_asks_for_no_costs_stays_as_it_is():
    priced = take_prices("total gas of WLD001 and WLD002 yesterday at 0.02 €/L", (), chinese=False)
    assert priced is not None
    assert priced.text == "total gas of WLD001 and WLD002 yesterday"


def test_two_prices_are_each_of_their_own():
    priced = take_prices("gas is 2 cents/L and wire 1,5 €/m: what did WLD001 cost today?", chinese=False)
    assert priced is not None
    assert priced.prices == (Price(amount=2, unit="L", currency="cents"), Price(amount=1.5, unit="m", currency="€"))
    assert priced.text == "what did WLD001 used gas and wire today?"


@pytest.mark.parametrize(
    "text",
    [
        "What did the gas of WLD001 cost yesterday?",
        "was the current of WLD001 above 200 A for 2 m today",
        "mean gas flow of WLD001 at 8 L/min",
        "did it use 0.5 L per metre",
        "WLD001今天超过200A有几次",
        "0.02 €",
        "5",
        "",
    ],
)
def test_without_a_price_nothing_is_changed(text):
    assert take_prices(text, chinese=False) is None


def test_a_question_for_costs_has_the_price_that_was_named_before():
    priced = take_prices("what did all machines cost today", (LITRE,), chinese=False)
    assert priced is not None
    assert (priced.text, priced.prices) == ("what did all machines used gas today", (LITRE,))
    assert take_prices("mean current of WLD001 today", (LITRE,), chinese=False) is None


@pytest.mark.parametrize(
    "piece", ["0.02 € per ", "每升", "1 ", "cost", "a litre of ", "0.02 per litre ", "costs costs "]
)
def test_a_text_full_of_prices_is_read_in_linear_time(piece):
    # 6,000 characters are what is read of a prompt; ten times as many would take a hundred times as long otherwise.
    priced = take_prices(piece * (60_000 // len(piece)), (KWH,), chinese=False)
    assert priced is None or len(priced.prices) <= 4
