"""The device tools against a feature-service in this process."""

import array
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2


async def tool_result(chat: Any, name: str, **arguments: Any) -> dict[str, Any]:
    """Have the model call a tool and return what it was told."""
    chat.llm.rounds = [chat.calls((name, json.dumps(arguments))), chat.says("Well.")]
    events = await chat.answer(await chat.conversation())
    result = events[1].tool_result
    assert not result.is_error, result.content
    return json.loads(result.content)


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


async def test_devices_are_listed_with_their_fields_and_time_span(chat: Any) -> None:
    device = feature_pb2.Device(
        device_code="WLD001", device_type="welder", model_code="welding_ai_model", fields=["current", "gas_flow"]
    )
    device.labels["hall"] = "A"
    device.first_seen_time.CopyFrom(Timestamp(seconds=1_767_225_600))
    chat.feature.devices = [device]
    shown = await tool_result(chat, "list_devices", search="WLD", model_code="welding_ai_model")
    assert shown == {
        "devices": [
            {
                "device_code": "WLD001",
                "labels": {"hall": "A"},
                "device_type": "welder",
                "model_code": "welding_ai_model",
                "fields": ["current", "gas_flow"],
                "first_seen": "2026-01-01T00:00:00Z",
                "last_seen": None,
            }
        ],
        "truncated": False,
    }
    assert (chat.feature.asked[0].search, chat.feature.asked[0].model_code) == ("WLD", "welding_ai_model")


async def test_statistics_keep_every_digit_and_leave_out_what_is_undefined(chat: Any) -> None:
    mean = 0.1 + 0.2
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=7,
        statistics=[
            feature_pb2.FieldStatistics(field="Volume Flow RateRMS", count=7, mean=mean, min=math.nan),
            feature_pb2.FieldStatistics(field="label", missing_ratio=1),
        ],
        first_time=Timestamp(seconds=0),
        last_time=Timestamp(seconds=60),
    )
    shown = await tool_result(chat, "device_statistics", device_code="valve1-0")
    first, second = shown["statistics"]
    assert (first["mean"], first["min"], first["std"]) == (mean, None, None)
    assert second["missing_ratio"] == 1
    assert (shown["start_time"], shown["end_time"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:00Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-03-09", "2020-03-09T00:00:00"),
        ("2020-03-09T10:14:33", "2020-03-09T10:14:33"),
        ("2020-03-09T10:14:33Z", "2020-03-09T10:14:33"),
        ("2020-03-09T10:14:33+08:00", "2020-03-09T02:14:33"),
        ("2020-03-09 10:14", "2020-03-09T10:14:00"),
    ],
)
async def test_times_are_understood_as_iso_8601_in_utc(chat: Any, text: str, expected: str) -> None:
    await tool_result(chat, "device_statistics", device_code="A", start_time=text)
    assert chat.feature.asked[0].start_time.ToMicroseconds() == micros(expected)
    assert not chat.feature.asked[0].HasField("end_time")


async def test_rows_come_as_columns_and_rows_with_the_time_first(chat: Any) -> None:
    chat.feature.history = feature_pb2.QueryHistoryResponse(
        rows=feature_pb2.Table(
            timestamps=[micros("2026-01-01T00:00:00"), micros("2026-01-01T00:00:01")],
            columns=[
                feature_pb2.Column(name="current", numbers=[120.5, math.nan]),
                feature_pb2.Column(name="quality_label", texts=["good", ""]),
            ],
        ),
        truncated=True,
    )
    shown = await tool_result(
        chat, "device_query", device_code="WLD001", fields=["current"], limit=2, interval="5m", aggregate="max"
    )
    assert shown["columns"] == ["timestamp", "current", "quality_label"]
    assert shown["rows"] == [["2026-01-01T00:00:00Z", 120.5, "good"], ["2026-01-01T00:00:01Z", None, None]]
    assert shown["truncated"] is True
    asked = chat.feature.asked[0]
    assert (asked.interval.seconds, asked.aggregate, asked.limit) == (300, "max", 2)


async def test_rows_are_asked_for_by_the_values_of_a_field(chat: Any) -> None:
    await tool_result(chat, "device_query", device_code="A", order_by="current", descending=True, limit=5)
    asked = chat.feature.asked[0]
    assert (asked.order_by, asked.descending, asked.limit) == ("current", True, 5)


async def test_rows_that_do_not_fit_are_left_out_and_it_says_so(chat: Any) -> None:
    times = [micros("2026-01-01T00:00:00") + second * 1_000_000 for second in range(1000)]
    chat.feature.history = feature_pb2.QueryHistoryResponse(
        rows=feature_pb2.Table(timestamps=times, columns=[feature_pb2.Column(name="c", numbers=[0.125] * 1000)])
    )
    shown = await tool_result(chat, "device_query", device_code="WLD001", limit=1000)
    assert 100 < len(shown["rows"]) < 1000
    assert shown["truncated"] is True


async def test_features_are_summed_up_over_the_windows_in_the_fields_units(chat: Any) -> None:
    values = array.array("d", [1.0, 10.0, 3.0, math.nan, 5.0, 30.0])
    chat.feature.features = feature_pb2.ExtractFeaturesResponse(
        feature_names=["current_mean", "current_rms"],
        values=values.tobytes(),
        timestamps=[0, 1_000_000, 2_000_000],
        window_count=3,
        options=feature_pb2.ExtractionOptions(window_size=50),
    )
    shown = await tool_result(chat, "device_features", device_code="WLD001", window_size=50, overlap=0)
    assert shown["summary"][0] == {"feature": "current_mean", "min": 1, "max": 5, "mean": 3, "std": 2}
    assert shown["summary"][1]["mean"] == 20
    assert shown["first_window"] == {
        "start_time": "1970-01-01T00:00:00Z",
        "features": {"current_mean": 1, "current_rms": 10},
    }
    assert shown["last_window"]["features"]["current_rms"] == 30
    options = chat.feature.asked[0].options
    assert (options.window_size, options.overlap, options.normalize_method) == (50, 0, "none")
    assert options.HasField("overlap")


async def test_windows_by_time_are_asked_for_and_told_by_their_length(chat: Any) -> None:
    options = feature_pb2.ExtractionOptions(window_duration=Duration(seconds=600))
    chat.feature.features = feature_pb2.ExtractFeaturesResponse(feature_names=["current_mean"], options=options)
    shown = await tool_result(chat, "device_features", device_code="WLD001", window_length="10m")
    assert (shown["window_seconds"], "window_size" in shown) == (600, False)
    asked = chat.feature.asked[0].options
    assert (asked.window_duration.seconds, asked.window_size) == (600, 0)


async def test_no_window_at_all_is_told_as_such(chat: Any) -> None:
    chat.feature.features = feature_pb2.ExtractFeaturesResponse(feature_names=["current_mean"])
    shown = await tool_result(chat, "device_features", device_code="WLD001")
    assert (shown["window_count"], shown["first_window"], shown["summary"][0]["mean"]) == (0, None, None)


async def test_conditions_become_filters_and_both_row_counts_are_told(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=3, rows_in_range=3396, first_time=Timestamp(seconds=60), last_time=Timestamp(seconds=90)
    )
    conditions = [
        {"field": "current", "operator": ">", "value": 200},
        {"field": "quality_label", "operator": "!=", "value": "good"},
    ]
    shown = await tool_result(
        chat, "device_statistics", device_code="A", start_time="1970-01-01", conditions=conditions
    )
    assert (shown["row_count"], shown["rows_in_range"]) == (3, 3396)
    assert shown["start_time"] == "1970-01-01T00:00:00Z"
    assert (shown["first_fitting_time"], shown["last_fitting_time"]) == ("1970-01-01T00:01:00Z", "1970-01-01T00:01:30Z")
    greater, other = chat.feature.asked[0].filters
    assert (greater.field, greater.operator, greater.values[0].number) == (
        "current",
        feature_pb2.Filter.OPERATOR_GT,
        200,
    )
    assert (other.operator, other.values[0].text) == (feature_pb2.Filter.OPERATOR_NE, "good")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"start_time": "1970-01-01"}, ("1970-01-01T00:01:00Z", "1970-01-01T00:01:30Z")),
        ({"end_time": "1970-01-02"}, ("1970-01-01T00:01:00Z", "1970-01-01T00:01:30Z")),
        ({}, None),
        ({"start_time": "1970-01-01", "conditions": [{"field": "current", "operator": ">", "value": 200}]}, None),
    ],
    ids=["start", "end", "no range", "of rows that fit"],
)
async def test_of_a_range_it_is_told_when_its_first_and_last_rows_were(
    asked: dict[str, Any], told: tuple[str, str] | None, chat: Any
) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=3, first_time=Timestamp(seconds=60), last_time=Timestamp(seconds=90)
    )
    shown = await tool_result(chat, "device_statistics", device_code="A", **asked)
    assert (shown.get("first_row_time"), shown.get("last_row_time")) == (told or (None, None))


async def test_percentiles_extremes_correlations_and_counts_are_told_when_asked_for(chat: Any) -> None:
    fields = [
        feature_pb2.FieldStatistics(field="current", unit="A", percentiles=[1.5, 9], max_time=Timestamp(seconds=5)),
        feature_pb2.FieldStatistics(field="voltage", percentiles=[2, 3]),
    ]
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=7,
        statistics=fields,
        correlation_matrix=[1, 0.25, 0.25, math.nan],
        value_counts=[
            feature_pb2.ValueCount(field="label", value="good", count=5),
            feature_pb2.ValueCount(field="label", count=2),
        ],
    )
    shown = await tool_result(
        chat,
        "device_statistics",
        device_code="A",
        percentiles=[95, 99.9],
        extreme_times=True,
        correlations=True,
        value_counts=True,
    )
    current, voltage = shown["statistics"]
    assert (current["unit"], current["percentiles"]) == ("A", {"95": 1.5, "99.9": 9})
    assert current["max_time"] == "1970-01-01T00:00:05Z"
    assert "unit" not in voltage
    assert shown["correlations"] == [{"fields": ["current", "voltage"], "r": 0.25}]
    assert shown["value_counts"] == {"label": {"good": 5, "": 2}}
    asked = chat.feature.asked[0]
    assert (list(asked.percentiles), asked.extreme_times, asked.correlate, asked.value_counts) == (
        [95, 99.9],
        True,
        True,
        True,
    )


async def test_several_devices_are_told_in_one_answer(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=1, statistics=[feature_pb2.FieldStatistics(field="c", count=1, mean=2)]
    )
    shown = await tool_result(chat, "device_statistics", device_code="A", other_device_codes=["B", "A"])
    assert [(device["device_code"], device["statistics"][0]["mean"]) for device in shown["devices"]] == [
        ("A", 2),
        ("B", 2),
    ]


async def test_a_device_without_rows_in_the_range_leaves_the_others_their_answers(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(row_count=1)
    shown = await tool_result(chat, "device_statistics", device_code="A", other_device_codes=["EMPTY"])
    assert [device["row_count"] for device in shown["devices"]] == [1, 0]


async def test_the_last_rows_that_fit_are_asked_for(chat: Any) -> None:
    chat.feature.history = feature_pb2.QueryHistoryResponse(
        rows=feature_pb2.Table(timestamps=[0], columns=[feature_pb2.Column(name="current", numbers=[1], unit="A")])
    )
    conditions = [{"field": "current", "operator": "<=", "value": 1.5}]
    shown = await tool_result(chat, "device_query", device_code="A", newest_first=True, conditions=conditions)
    assert shown["units"] == {"current": "A"}
    asked = chat.feature.asked[0]
    assert asked.newest_first
    assert asked.filters[0].operator == feature_pb2.Filter.OPERATOR_LE


async def test_devices_are_listed_with_their_names_units_and_text_fields(chat: Any) -> None:
    chat.feature.devices = [
        feature_pb2.Device(device_code="W1", name="Welding machine 1", model_code="m", fields=["current", "label", "x"])
    ]
    fields = [
        feature_pb2.Field(field_code="current", data_type="number", unit="A"),
        feature_pb2.Field(field_code="label", data_type="text"),
        feature_pb2.Field(field_code="other", data_type="text", unit="V"),
    ]
    chat.feature.models = [feature_pb2.DataModel(model_code="m", fields=fields)]
    [device] = (await tool_result(chat, "list_devices"))["devices"]
    assert (device["name"], device["units"], device["text_fields"]) == (
        "Welding machine 1",
        {"current": "A"},
        ["label"],
    )


async def test_durations_and_integrals_are_told_when_asked_for(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=7,
        statistics=[feature_pb2.FieldStatistics(field="gas_flow", count=7, unit="L/min", integral=120.0)],
        fitting_time=feature_pb2.FittingTime(
            seconds=26,
            range_seconds=34,
            spells=3,
            longest_seconds=22.5,
            longest_start_time=Timestamp(seconds=60),
            longest=[
                feature_pb2.Spell(start_time=Timestamp(seconds=60), seconds=22.5),
                feature_pb2.Spell(start_time=Timestamp(seconds=90), seconds=3.5),
            ],
            last=feature_pb2.Spell(start_time=Timestamp(seconds=90), seconds=3.5),
            ongoing=True,
        ),
    )
    shown = await tool_result(chat, "device_statistics", device_code="WLD001", durations=True, integrals=True)
    assert shown["fitting_time"] == {
        "seconds": 26,
        "range_seconds": 34,
        "spells": 3,
        "longest_seconds": 22.5,
        "longest_start_time": "1970-01-01T00:01:00Z",
        "longest_spells": [
            {"start_time": "1970-01-01T00:01:00Z", "seconds": 22.5},
            {"start_time": "1970-01-01T00:01:30Z", "seconds": 3.5},
        ],
        "last_spell": {"start_time": "1970-01-01T00:01:30Z", "seconds": 3.5, "ongoing": True},
    }
    assert shown["statistics"][0]["integral"] == 120
    assert chat.feature.asked[0].durations
    assert chat.feature.asked[0].integrals


async def test_gaps_are_told_where_there_are_any_and_short_spells_are_left_out_when_asked(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=7,
        fitting_time=feature_pb2.FittingTime(
            gaps=1, gap_seconds=90, longest_gaps=[feature_pb2.Spell(start_time=Timestamp(seconds=60), seconds=90)]
        ),
    )
    shown = await tool_result(chat, "device_statistics", device_code="WLD001", durations=True, shortest_spell="3m")
    told = shown["fitting_time"]
    assert (told["gaps"], told["gap_seconds"]) == (1, 90)
    assert told["longest_gaps"] == [{"start_time": "1970-01-01T00:01:00Z", "seconds": 90}]
    assert chat.feature.asked[0].shortest_spell.seconds == 180


async def test_statistics_without_durations_do_not_mention_them(chat: Any) -> None:
    chat.feature.statistics = feature_pb2.ComputeStatisticsResponse(
        row_count=1, statistics=[feature_pb2.FieldStatistics(field="current", count=1)]
    )
    shown = await tool_result(chat, "device_statistics", device_code="WLD001")
    assert "fitting_time" not in shown
    assert "integral" not in shown["statistics"][0]


@pytest.mark.parametrize("tool", ["device_statistics", "device_query"])
async def test_conditions_of_which_one_is_enough_become_one_filter(chat: Any, tool: str) -> None:
    condition = {"field": "current", "operator": ">", "value": 200}
    other = {"field": "voltage", "operator": "<", "value": 15}
    await tool_result(chat, tool, device_code="WLD001", conditions=[condition], any_of=[condition, other])
    every, either = chat.feature.asked[0].filters
    assert (every.field, list(every.any_of)) == ("current", [])
    assert [(each.field, each.values[0].number) for each in either.any_of] == [("current", 200), ("voltage", 15)]
