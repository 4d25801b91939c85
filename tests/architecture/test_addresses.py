"""Wherever the address of a service is read, it may be that of several replicas."""

import pytest

from cache_service.settings import CacheSettings
from chat_stream_service.settings import ChatSettings
from feature_service.settings import FeatureSettings
from gateway.settings import GatewaySettings
from llm_service.settings import LlmSettings
from penstock_kit.settings import ServiceSettings

CLASSES = (GatewaySettings, ChatSettings, LlmSettings, FeatureSettings, CacheSettings)
ADDRESSES = [
    pytest.param(cls, field.alias, id=f"{cls.__name__}-{field.alias}")
    for cls in CLASSES
    for field in cls.model_fields.values()
    if (field.alias or "").endswith("_SERVICE_ADDRESS")
]
PORTS = [
    pytest.param(cls, field.alias, id=f"{cls.__name__}-{field.alias}")
    for cls in CLASSES
    for field in cls.model_fields.values()
    if (field.alias or "").endswith("_PORT")
]


def test_the_gateway_knows_four_services_chat_three_and_llm_and_features_the_cache() -> None:
    assert len(ADDRESSES) == 4 + 3 + 1 + 1


@pytest.mark.parametrize(("cls", "name"), ADDRESSES)
@pytest.mark.parametrize("value", ["10.0.0.1:1,10.0.0.2:1", "dns:///replicas:1", "[::1]:1, [::2]:1", "name:1"])
def test_an_address_may_be_a_list_or_a_name(cls: type[ServiceSettings], name: str, value: str) -> None:
    assert value in cls(_env_file=None, **{name: value}).model_dump().values()


@pytest.mark.parametrize(("cls", "name"), ADDRESSES)
@pytest.mark.parametrize("value", ["10.0.0.1", "one:1,two:2", "10.0.0.1:1,[::1]:1"])
def test_an_address_that_cannot_be_one_is_refused_at_the_start(
    cls: type[ServiceSettings], name: str, value: str
) -> None:
    with pytest.raises(ValueError, match="dns:///name:port"):
        cls(_env_file=None, **{name: value})


def test_the_gateway_has_three_ports_and_each_service_two() -> None:
    assert len(PORTS) == 3 + 4 * 2


@pytest.mark.parametrize(("cls", "name"), PORTS)
def test_the_address_that_kubernetes_sets_beside_a_service_is_refused_as_any_port(
    cls: type[ServiceSettings], name: str
) -> None:
    with pytest.raises(ValueError, match=name):
        cls(_env_file=None, **{name: "tcp://10.0.0.1:80"})
