"""The tool device_anomalies against a feature-service in this process."""

import json
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.feature.v1 import feature_pb2 as pb

DAY = 86_400


def found(code: str, flags: str) -> pb.DetectAnomaliesResponse:
    """Windows of two seconds, one per sign: "x" is anomalous; the later the stranger."""
    windows = [
        pb.AnomalyWindow(
            start_time=Timestamp(seconds=DAY + at),
            end_time=Timestamp(seconds=DAY + at + 1),
            score=10.0 + at if flag == "x" else 0.5,
            anomalous=flag == "x",
            fields=[
                pb.FieldContribution(name="pressure", contribution=0.9),
                pb.FieldContribution(name="current", contribution=0.08),
                pb.FieldContribution(name="voltage", contribution=0.02),
            ],
        )
        for at, flag in enumerate(flags)
    ]
    device = pb.DeviceAnomalies(
        device_code=code,
        threshold=1.23456,
        windows=windows,
        baseline_start_time=Timestamp(seconds=0),
        baseline_end_time=Timestamp(seconds=DAY - 1),
        baseline_rows=DAY,
        method="pca",
        window_size=2,
    )
    return pb.DetectAnomaliesResponse(detector_id="det_1", devices=[device])


async def tool_result(chat: Any, **arguments: Any) -> Any:
    chat.llm.rounds = [chat.calls(("device_anomalies", json.dumps(arguments))), chat.says("Well.")]
    events = await chat.answer(await chat.conversation())
    return events[1].tool_result


async def test_windows_by_time_are_asked_for_and_told_by_their_length(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", "..")
    chat.feature.anomalies["WLD002"].devices[0].window_duration.seconds = 600
    result = await tool_result(chat, device_code="WLD002", start_time="1970-01-02", window_length="10m")
    shown = json.loads(result.content)
    assert (shown["window_seconds"], "window_size" in shown) == (600, False)
    asked = chat.feature.asked[-1]
    assert (asked.window_duration.seconds, asked.window_size) == (600, 0)


async def test_windows_that_follow_each_other_are_one_anomaly_and_the_strangest_comes_first(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", ".xx..x.")
    result = await tool_result(chat, device_code="WLD002", start_time="1970-01-02", method="pca")
    assert json.loads(result.content) == {
        "device_code": "WLD002",
        "detector_id": "det_1",
        "method": "pca",
        "window_size": 2,
        "threshold": 1.235,
        "start_time": "1970-01-02T00:00:00Z",
        "end_time": "1970-01-02T00:00:07Z",
        "baseline": {"start_time": "1970-01-01T00:00:00Z", "end_time": "1970-01-01T23:59:59Z", "row_count": DAY},
        "window_count": 7,
        "anomalous_windows": 3,
        "anomaly_count": 2,
        "brief_count": 2,
        "single_reading_count": 0,
        "stretch_count": 0,
        "stretches": [],
        "anomalies": [
            {
                "start_time": "1970-01-02T00:00:05Z",
                "end_time": "1970-01-02T00:00:06Z",
                "windows": 1,
                "score": 15.0,
                "fields": [{"name": "pressure", "contribution": 0.9}, {"name": "current", "contribution": 0.08}],
            },
            {
                "start_time": "1970-01-02T00:00:01Z",
                "end_time": "1970-01-02T00:00:03Z",
                "windows": 2,
                "score": 12.0,
                "fields": [{"name": "pressure", "contribution": 0.9}, {"name": "current", "contribution": 0.08}],
            },
        ],
        "truncated": False,
    }
    assert (chat.feature.asked[0].method, chat.feature.asked[0].start_time.seconds) == ("pca", DAY)


async def test_what_lasts_comes_before_what_one_reading_can_make_however_strange(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", "xxx.xxxx.xx.x")
    result = await tool_result(chat, device_code="WLD002", start_time="1970-01-02")
    shown = json.loads(result.content)
    assert [each["windows"] for each in shown["anomalies"]] == [4, 3, 1, 2]
    assert (shown["anomaly_count"], shown["brief_count"]) == (4, 2)


async def test_times_in_which_a_text_was_not_as_usual_are_asked_for_and_told(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", "..")
    device = chat.feature.anomalies["WLD002"].devices[0]
    for at in range(14):
        stretch = device.stretches.add(field="quality", value="porosity", usual_value="good", row_count=9)
        stretch.start_time.seconds = DAY + 100 * at
        stretch.end_time.seconds = DAY + 100 * at + (5 if at < 2 else 50)
    device.stretches[2].shifts.add(name="gas", level=7.68912, usual_level=14.0, unit="L/min")
    device.stretches[2].shifts.add(name="x", level=2.0, usual_level=1.0)
    shown = json.loads((await tool_result(chat, device_code="WLD002", start_time="1970-01-02")).content)
    assert chat.feature.asked[-1].stretches
    assert (shown["stretch_count"], len(shown["stretches"])) == (14, 12)
    assert shown["stretches"][0] == {
        "start_time": "1970-01-02T00:03:20Z",
        "end_time": "1970-01-02T00:04:10Z",
        "field": "quality",
        "value": "porosity",
        "usual_value": "good",
        "shifts": [
            {"name": "gas", "level": 7.689, "usual_level": 14, "unit": "L/min"},
            {"name": "x", "level": 2, "usual_level": 1},
        ],
    }


async def test_what_single_readings_alone_make_comes_last_and_is_counted(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", "x.xxx.x")
    for at in (2, 3, 4, 6):
        chat.feature.anomalies["WLD002"].devices[0].windows[at].single_readings = True
    result = await tool_result(chat, device_code="WLD002", start_time="1970-01-02")
    shown = json.loads(result.content)
    assert [(each["windows"], each.get("single_readings", False)) for each in shown["anomalies"]] == [
        (1, False),
        (1, True),
        (3, True),
    ]
    assert (shown["single_reading_count"], shown["brief_count"], shown["anomaly_count"]) == (2, 3, 3)


async def test_without_a_begin_the_last_day_of_the_device_is_looked_at(chat: Any) -> None:
    chat.feature.devices = [pb.Device(device_code="WLD002", last_seen_time=Timestamp(seconds=3 * DAY))]
    chat.feature.anomalies["WLD002"] = found("WLD002", "...")
    result = await tool_result(chat, device_code="WLD002")
    assert json.loads(result.content)["anomalies"] == []
    assert chat.feature.asked[-1].start_time.seconds == 2 * DAY
    await tool_result(chat, device_code="WLD002", end_time="1970-01-03")
    assert chat.feature.asked[-1].start_time.seconds == DAY


async def test_of_several_devices_one_without_rows_does_not_hide_the_others(chat: Any) -> None:
    chat.feature.anomalies["WLD002"] = found("WLD002", "x")
    result = await tool_result(chat, device_code="EMPTY", other_device_codes=["WLD002"], start_time="1970-01-02")
    empty, other = json.loads(result.content)["devices"]
    assert (empty["device_code"], empty["window_count"]) == ("EMPTY", 0)
    assert "no rows of device 'EMPTY'" in empty["note"]
    assert other["anomalies"][0]["score"] == 10.0
    alone = await tool_result(chat, device_code="EMPTY", start_time="1970-01-02")
    assert alone.is_error
