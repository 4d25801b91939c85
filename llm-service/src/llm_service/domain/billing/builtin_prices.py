"""Prices of vendors the catalogue does not have, as their public price lists had them, USD per million tokens."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from llm_service.domain.billing.price import Price


def _price(input_: str, output: str) -> Price:
    return Price(input=Decimal(input_), output=Decimal(output))


# Alibaba Cloud Model Studio, international list prices. Mainland prices are lower: set them as an operator's price.
OWN_PRICES: Final[Mapping[tuple[str, str], Price]] = {
    ("qwen", "qwen-plus"): _price("0.40", "1.20"),
    ("qwen", "qwen-max"): _price("1.60", "6.40"),
    ("qwen", "qwen-turbo"): _price("0.05", "0.20"),
}
