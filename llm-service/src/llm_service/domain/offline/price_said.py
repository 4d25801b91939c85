"""Prices that a question names, so that what was used can be told with what it cost: "at 0.02 € per litre".

A price is a number with what one is paid for. It is cut out of the text; what asks for costs then asks for the amount,
of whatever is sold by that unit, and amounts are told with their costs. A price that is not named is not known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from llm_service.domain.offline.query import Price, StructuredQuery
from llm_service.domain.offline.token import Token, TokenKind, tokenize

_LITRES: Final = ("l", "litre", "litres", "liter", "liters", "升", "公升")
_CUBIC: Final = ("m3", "m³", "cbm", "立方米", "立方", "方")
_METRES: Final = ("m", "metre", "metres", "meter", "meters", "米", "公尺")
_KILOWATT_HOURS: Final = ("kwh", "kilowatthour", "kilowatthours", "度电", "度", "千瓦时")
_UNITS: Final = {
    **dict.fromkeys(_LITRES, "L"),
    **dict.fromkeys(_CUBIC, "m3"),
    **dict.fromkeys(_METRES, "m"),
    **dict.fromkeys(_KILOWATT_HOURS, "kWh"),
}
# What is sold by a unit: its words, the one a question is asked with, in English and in Chinese.
_GAS: Final = ("gas", "气体")
_SOLD: Final = {"L": _GAS, "m3": _GAS, "m": ("wire", "焊丝"), "kWh": ("energy", "电能")}
_NAMES: Final = {
    **dict.fromkeys(("gas", "argon", "气体", "气", "保护气"), "gas"),
    **dict.fromkeys(("wire", "焊丝", "丝"), "wire"),
    **dict.fromkeys(("energy", "electricity", "power", "电", "电能", "电力"), "energy"),
}
_SIGNS: Final = {
    **{sign: sign for sign in ("€", "$", "£", "¥", "元", "円")},
    **{code.lower(): code for code in ("EUR", "USD", "GBP", "CNY", "CHF", "JPY", "INR")},
    **dict.fromkeys(("euro", "euros"), "EUR"),
    **dict.fromkeys(("dollar", "dollars"), "$"),
    **dict.fromkeys(("cent", "cents", "ct"), "cents"),
    **dict.fromkeys(("yuan", "rmb", "块"), "元"),
    "yen": "JPY",
    "rupees": "INR",
}
# A hundredth or a tenth of these.
_PARTS: Final = {"分": ("元", 100), "角": ("元", 10), "毛": ("元", 10), "pence": ("£", 100)}
_PER: Final = frozenset({"per", "/", "a", "an", "each", "every", "pro", "je", "for", "one", "1", "每", "一", "the"})
_LEAD: Final = frozenset(
    {
        *("at", "with", "is", "are", "was", "of", "=", ":", "price", "prices", "priced", "rate", "tariff", "assuming"),
        *("given", "suppose", "say", "if", "a", "the", "our", "i", "we", "pay", "pays", "about", "around", "that"),
        *("cost", "costs", "costing", "charge", "charges", "and", "because", "since", "me", "us", "for"),
        *(
            "为",
            "是",
            "按",
            "以",
            "价",
            "价格",
            "单价",
            "格",
            "如",
            "果",
            "若",
            "假",
            "设",
            "每",
            "一",
            "算",
            "费",
            "，",
            ",",
            "：",
        ),
        *("当", "我", "们", "付", "要", "花", "和", "的", "照", "计"),
    }
)
_IN_MONEY: Final = re.compile(
    r"\bin (?:euros?|dollars?|pounds?|yuan|money|cash|eur|usd|rmb)\b|(?:换算?|折算?)成钱", re.I
)
_GIVEN: Final = frozenset({"given", "assuming", "say", "suppose", "assume"})
_TAIL: Final = frozenset({"of", "for", "钱", "的", "计", "算", "来", "话", "费"})
_STOPS: Final = frozenset({",", "，", ".", "。", ";", "；", "then", "那", "么", "：", ":", "and", "with", "和"})
_COSTS: Final = (
    *("how much money", "cost of", "costs of", "cost", "costs", "spent", "spend", "spending", "paid", "pay", "bill"),
    *("expenses", "expense", "money", "expensive", "burn through"),
    *(
        "花了多少钱",
        "花费多少钱",
        "要多少钱",
        "多少钱",
        "花费",
        "费用",
        "成本",
        "电费",
        "气费",
        "花了",
        "花掉",
        "花多少",
    ),
)
# Words behind or before costs that say no more: "what did that cost me", "多少".
_IDLE: Final = frozenset({"me", "us"})
_MOST: Final = 4
_REACH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A question without the prices it named; `text` asks for amounts."""

    text: str
    prices: tuple[Price, ...]


def take_prices(text: str, known: Sequence[Price] = (), *, chinese: bool) -> Priced | None:
    """Return the question without the prices that it names, and these; None where it names none.

    Prices that are `known` from before are those of a question for costs that names none.
    """
    tokens = tokenize(text)
    prices: list[Price] = []
    cuts: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens) and len(prices) < _MOST:
        found = _price_at(tokens, at) if tokens[at].kind is TokenKind.NUMBER else None
        if found is not None:
            price, begin, end = found
            begin = max(_lead(tokens, begin), cuts[-1][1] if cuts else 0)
            end, at = _tail(tokens, end), max(end, at + 1)
            prices.append(price)
            cuts.append((begin, end))
            at = max(at, end)
        else:
            at += 1
    if not prices:
        asked = known and any(_find(text.lower(), word) >= 0 for word in _COSTS)
        return Priced(text=_asking_amounts(text, known, chinese=chinese), prices=tuple(known)) if asked else None
    left = _IN_MONEY.sub("", _without(text, tokens, cuts))
    return Priced(text=_asking_amounts(left, prices, chinese=chinese), prices=tuple(prices))


def with_prices(query: StructuredQuery, before: StructuredQuery | None) -> StructuredQuery:
    """Return `query` with the prices of the question before, where it asks for the same amount of another time, say."""
    same = before is not None and (query.statistics, query.fields) == (before.statistics, before.fields)
    return replace(query, prices=before.prices) if before is not None and same and before.prices else query


def _price_at(tokens: Sequence[Token], at: int) -> tuple[Price, int, int] | None:
    """The price whose number stands at `at`, with the places where it begins and ends."""
    amount = float(tokens[at].text)
    currency, begin, end = "", at, at + 1
    if part := _PARTS.get(_text(tokens, end)):
        currency, amount, end = part[0], amount / part[1], end + 1 + (_text(tokens, end + 1) == "钱")
    elif sign := _SIGNS.get(_text(tokens, end)):
        currency, end = sign, end + 1 + (_text(tokens, end + 1) in {"钱", "s"})
    elif sign := _SIGNS.get(_text(tokens, at - 1)):
        currency, begin = sign, at - 1
    if per := _per(tokens, end):
        return Price(amount=amount, unit=per[0], currency=currency), begin, per[1]
    if currency and (before := _per_before(tokens, begin)):
        return Price(amount=amount, unit=before[0], currency=currency), before[1], end
    return None


def _per(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """ "Per litre", "/L", "a metre": the unit behind a price, and the place behind it."""
    after = at
    while after < at + 2 and _text(tokens, after) in _PER:
        after += 1
    return _unit(tokens, after) if after > at else None


def _per_before(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """ "每升0.02元", "a litre of gas costs 2 cents": the unit before a price, and the place where it begins."""
    for start in range(at - 1, max(at - _REACH, 0) - 1, -1):
        if _text(tokens, start) in _PER and (unit := _unit(tokens, start + 1)):
            between = [_text(tokens, each) for each in range(unit[1], at)]
            named = "".join(between) in _NAMES or all(each in _LEAD or each in _NAMES for each in between)
            return (unit[0], start) if named else None
    return None


def _unit(tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
    """The unit at `at`, of one token or of up to three of one character each, and the place behind it."""
    for length in (3, 2, 1):
        joined = "".join(_text(tokens, at + each) for each in range(length))
        apart = length > 1 and not all(_is_han(tokens, at + each) for each in range(length))
        if joined in _UNITS and not apart:
            return _UNITS[joined], at + length
    if _text(tokens, at) in {"cubic", "kilowatt"}:
        behind = at + 1 + (_text(tokens, at + 1) == "-")
        whole = {"cubic": (_METRES, "m3"), "kilowatt": (("hour", "hours"), "kWh")}[_text(tokens, at)]
        return (whole[1], behind + 1) if _text(tokens, behind) in whole[0] else None
    return None


def _lead(tokens: Sequence[Token], begin: int) -> int:
    """Where what leads to a price begins: "gas costs …", "at a price of …", "按每升…"."""
    for at in range(begin - 1, max(begin - _REACH, 0) - 1, -1):
        of_it = _text(tokens, at) == "that" and _text(tokens, at - 1) not in _GIVEN
        if of_it or (_text(tokens, at) not in _LEAD and not _named(tokens, at)):
            return at + 1
    return max(begin - _REACH, 0)


def _tail(tokens: Sequence[Token], end: int) -> int:
    """Where what belongs to a price ends: "… of gas,"."""
    for at in range(end, min(end + _MOST, len(tokens))):
        text = _text(tokens, at)
        if text in _STOPS:
            return at + 1
        if text not in _TAIL and not _named(tokens, at):
            return at
    return min(end + _MOST, len(tokens))


def _named(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token is, or is part of, the name of something that is sold."""
    if not _is_han(tokens, at):
        return _text(tokens, at) in _NAMES
    return any(_text(tokens, at) in name for name in _NAMES)


def _without(text: str, tokens: Sequence[Token], cuts: Sequence[tuple[int, int]]) -> str:
    """The text without the tokens of the cuts."""
    kept, since = list[str](), 0
    for begin, end in cuts:
        kept.append(text[since : tokens[begin].start])
        since = tokens[end - 1].end
    return " ".join(filter(None, map(str.strip, (*kept, text[since:]))))


def _asking_amounts(text: str, prices: Sequence[Price], *, chinese: bool) -> str:
    """The text, where words for costs ask for the amount of what the prices are of.

    Without such a word it is left as it is, unless nothing that is sold is named in it.
    """
    sold = tuple(dict.fromkeys(_SOLD[price.unit] for price in prices))
    names = [chosen[chinese] for chosen in sold if not _mentions(text, chosen[0])]
    amount = f"{'和'.join(names)}用量" if chinese else f"used {' and '.join(names)}".strip()
    return _replaced(text, amount, otherwise=len(names) == len(sold))


def _mentions(text: str, sold: str) -> bool:
    tokens = tokenize(text)
    words = {token.text for token in tokens}
    joined = "".join(token.text for token in tokens if token.kind is TokenKind.HAN)
    named = [name for name, what in _NAMES.items() if what == sold]
    return any(name in words if name.isascii() else name in joined and f"{name}费" not in joined for name in named)


def _replaced(text: str, amount: str, *, otherwise: bool) -> str:
    """The text with `amount` in the place of the first word for costs, and without others; else behind it."""
    lower, begun = text.lower(), False
    for word in _COSTS:
        start = _find(lower, word)
        if start >= 0:
            put = "" if begun else amount
            text = (
                f"{text[:start]} {put} {text[start + len(word) :]}"
                if word.isascii()
                else (f"{text[:start]}{put}{text[start + len(word) :]}")
            )
            lower, begun = text.lower(), True
    if not begun and otherwise:
        text = f"{text} {amount}" if text else amount
    return " ".join(word for word in text.split() if word.lower().strip("?.,") not in _IDLE)


def _find(text: str, word: str) -> int:
    """Where the word stands alone in the text, -1 where it does not."""
    start = text.find(word)
    while word.isascii() and start >= 0:
        before, after = text[start - 1 : start], text[start + len(word) : start + len(word) + 1]
        if not before.isalnum() and not after.isalnum():
            return start
        start = text.find(word, start + 1)
    return start


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if 0 <= at < len(tokens) else ""


def _is_han(tokens: Sequence[Token], at: int) -> bool:
    return 0 <= at < len(tokens) and tokens[at].kind is TokenKind.HAN
