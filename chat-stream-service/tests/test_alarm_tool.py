"""The tool that prepares alarms: a link, filled in, that makes nothing by itself."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from penstock.feature.v1 import feature_pb2

LINK = "/dashboard#alarm="


@pytest.fixture(autouse=True)
def devices(chat: Any) -> None:
    chat.feature.devices = [
        feature_pb2.Device(device_code=code, model_code="weld", fields=["current", "gas_flow"])
        for code in ("WLD001", "WLD002")
    ]


async def called(chat: Any, **arguments: Any) -> Any:
    chat.llm.rounds = [chat.calls(("prepare_alarm", json.dumps(arguments))), chat.says("Well.")]
    events = await chat.answer(await chat.conversation())
    return events[1].tool_result


async def prepared(chat: Any, **arguments: Any) -> dict[str, Any]:
    result = await called(chat, **arguments)
    assert not result.is_error, result.content
    return json.loads(result.content)


def filled(link: str) -> dict[str, Any]:
    """Return what a link fills the form with."""
    assert link.startswith(LINK)
    return json.loads(unquote(link.removeprefix(LINK)))


async def test_a_link_fills_the_form_with_what_was_asked_for(chat: Any) -> None:
    shown = await prepared(
        chat, watch="above", device_codes=["WLD001", "WLD002"], field="current", limit=250, seconds=60, hysteresis=5
    )
    assert filled(shown["link"]) == {
        "watch": "above", "device_codes": ["WLD001", "WLD002"], "field": "current", "limit": 250, "seconds": 60,
        "hysteresis": 5, "name": "WLD001, WLD002: current > 250 for 60 s",
    }  # fmt: skip
    assert shown["fires_when"] == "current > 250 for 60 s"
    assert shown["next"].startswith("Nothing is watched yet.")


@pytest.mark.parametrize(
    ("arguments", "condition"),
    [
        ({"watch": "below", "field": "gas_flow", "limit": 8.5}, "gas_flow < 8.5"),
        ({"watch": "outside", "field": "current", "lower": -5, "upper": 20}, "current outside -5 to 20"),
        ({"watch": "no_data", "seconds": 600}, "no data for 600 s"),
        ({"watch": "anomaly"}, "unlike itself"),
        ({"watch": "above", "field": "current", "limit": 0}, "current > 0"),
    ],
)
async def test_every_kind_of_alarm_is_prepared(chat: Any, arguments: dict[str, Any], condition: str) -> None:
    shown = await prepared(chat, device_codes=["WLD001"], **arguments)
    assert (shown["fires_when"], filled(shown["link"])["name"]) == (condition, f"WLD001: {condition}")
    assert filled(shown["link"])["seconds"] == arguments.get("seconds", 0)


async def test_nothing_of_an_alarm_can_leave_the_link(chat: Any) -> None:
    name = "a&b=#?/<script>) [x](http://evil.example) 张伟"
    shown = await prepared(chat, watch="anomaly", device_codes=["WLD001"], name=name)
    assert not set(shown["link"].removeprefix(LINK)) & set("&=#?/<>()[] \"'")
    assert filled(shown["link"])["name"] == name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"watch": "above", "field": "current"}, "watch above needs limit"),
        ({"watch": "below", "limit": 1}, "watch below needs field"),
        ({"watch": "outside", "field": "current", "lower": 1}, "watch outside needs upper"),
        ({"watch": "outside", "field": "current", "lower": 2, "upper": 1}, "lower below upper"),
        ({"watch": "outside", "field": "current", "lower": 0, "upper": 10, "hysteresis": 5}, "less than half"),
        ({"watch": "no_data"}, "needs seconds"),
        ({"watch": "no_data", "seconds": 0}, "seconds above 0"),
        ({"watch": "sometimes"}, "do not fit its schema"),
        (
            {"watch": "above", "field": "pressure", "limit": 1},
            "device 'WLD001' has no field 'pressure'; it has: current",
        ),
        ({"watch": "anomaly", "device_codes": ["WLD009"]}, "WLD009"),
        ({"watch": "anomaly", "device_codes": []}, "do not fit its schema"),
    ],
)
async def test_what_the_form_would_refuse_is_said_to_the_model(chat: Any, arguments: dict[str, Any], said: str) -> None:
    result = await called(chat, **{"device_codes": ["WLD001"], **arguments})
    assert result.is_error
    assert said in result.content


async def test_an_alarm_needs_devices_or_a_model(chat: Any) -> None:
    result = await called(chat, watch="anomaly")
    assert result.is_error
    assert "name device_codes, or a model_code" in result.content


async def test_an_alarm_on_a_model_is_checked_against_the_models_fields(chat: Any) -> None:
    chat.feature.models = [feature_pb2.DataModel(model_code="weld", fields=[feature_pb2.Field(field_code="current")])]
    shown = await prepared(chat, watch="above", model_code="weld", field="current", limit=1)
    assert filled(shown["link"])["model_code"] == "weld"
    for arguments, said in (
        ({"field": "pressure"}, "model 'weld' has no field"),
        ({"model_code": "x"}, "no data model 'x'"),
    ):
        result = await called(
            chat, **{"watch": "above", "model_code": "weld", "field": "current", "limit": 1, **arguments}
        )
        assert result.is_error
        assert said in result.content
