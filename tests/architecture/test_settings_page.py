"""What docs/configuration.md says may be set is what the services take: the last value, and nothing beyond it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cache_service.settings import CacheSettings
from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_kit.settings import ServiceSettings

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
SERVICES: tuple[type[ServiceSettings], ...] = (
    GatewaySettings, ChatSettings, LlmSettings, FeatureSettings, CacheSettings,
)  # fmt: skip
ROW = re.compile(r"^\| `(\w+)`[^|]*\| `(\S+)`, (.+?) \|", re.MULTILINE)


def bounds() -> Iterator[tuple[str, float, float]]:
    """Yield a setting's name, the last value that it may have, and the first value beyond it."""
    for name, default, said in ROW.findall(PAGE):
        step = 1e-9 if "." in default else 1
        match said.split():
            case ["≥", least]:
                yield name, float(least), float(least) - step
            case [">", beyond]:
                yield name, float(beyond) + step, float(beyond)
            case [least, "to", most]:
                yield name, float(least), float(least) - step
                yield name, float(most), float(most) + step
            case _:
                raise AssertionError(f"{name}: {said}")


def of_class(name: str) -> list[type[ServiceSettings]]:
    """The services that read a setting."""
    return [kind for kind in SERVICES if name in {field.alias for field in kind.model_fields.values()}]


def made(kind: type[ServiceSettings], name: str, value: float) -> Any:
    """The settings of a service where one of them has a value, written as in the environment."""
    text = str(int(value)) if value == int(value) else f"{value:.12f}"
    return kind(**{"_env_file": None, name: text})


@pytest.mark.parametrize(("name", "last", "beyond"), list(bounds()))
def test_a_setting_takes_the_last_value_that_the_page_allows_and_refuses_the_next(
    name: str, last: float, beyond: float
) -> None:
    kinds = of_class(name)
    assert kinds
    for kind in kinds:
        made(kind, name, last)
        with pytest.raises(ValidationError, match=name):
            made(kind, name, beyond)


def test_the_page_tells_the_bounds_of_many_settings() -> None:
    assert len({name for name, *_ in bounds()}) > 80
