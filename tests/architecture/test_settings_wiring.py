"""Each setting is read, and what is called after a setting gets that one and no other."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cache_service.settings import CacheSettings
from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_kit.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, type[ServiceSettings]] = {
    "gateway": GatewaySettings,
    "chat-stream-service": ChatSettings,
    "llm-service": LlmSettings,
    "feature-service": FeatureSettings,
    "cache-service": CacheSettings,
}
# Read by names that are put together (those of vendors), by libraries, or by the services alone that shed load,
# delete in the background or call others.
OTHERWISE = {
    "gateway": {"overload_lag", "retention_seconds"},
    "llm-service": {
        "ssl_cert_file",
        *(
            f"{vendor}_{part}"
            for vendor in ("gemini", "openai", "anthropic", "qwen", "glm", "deepseek")
            for part in ("api_key", "base_url", "models")
        ),
    },
    "feature-service": {"overload_lag"},
    "cache-service": {"overload_lag", "retention_seconds", "multiplex_calls"},
}
# What is called after a setting and rightly gets another.
CROSSED = {"host=settings.smtp_host", "max_entries=settings.local_entries", "max_entries=settings.max_counters"}
each_service = pytest.mark.parametrize("service", SERVICES)


def nodes(folder: str) -> Iterator[ast.AST]:
    """Yield all that the modules of a member say, and keep none of it: all trees are millions of objects."""
    for file in sorted((ROOT / folder / "src").rglob("*.py")):
        yield from ast.walk(ast.parse(file.read_text("utf-8")))


@cache
def read_names(folder: str) -> frozenset[str]:
    """Return the names of all attributes that a member reads."""
    return frozenset(
        node.attr for node in nodes(folder) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    )


@each_service
def test_every_setting_of_a_service_is_read_by_it_or_by_the_kit(service: str) -> None:
    unread = set(SERVICES[service].model_fields) - read_names(service) - read_names("libs/kit")
    assert unread == OTHERWISE.get(service, set())


@each_service
def test_what_is_named_after_a_setting_gets_that_setting(service: str) -> None:
    fields = set(SERVICES[service].model_fields)
    given = (keyword for node in nodes(service) if isinstance(node, ast.Call) for keyword in node.keywords)
    crossed = {
        f"{keyword.arg}={ast.unparse(keyword.value)}"
        for keyword in given
        if isinstance(keyword.value, ast.Attribute)
        and ast.unparse(keyword.value.value) == "settings"
        and keyword.arg in fields
        and keyword.arg != keyword.value.attr
    }
    assert crossed <= CROSSED
