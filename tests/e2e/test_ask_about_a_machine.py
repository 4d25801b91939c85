"""The first path a new user takes: ask about a device and watch the answer stream."""

import csv
import io
import math
import random
import statistics
from datetime import UTC, datetime, timedelta

import httpx

from tests.e2e.chat import ask, kinds, text


async def test_a_question_about_a_demo_device_streams_a_tool_call_its_result_and_an_answer(
    http: httpx.AsyncClient,
) -> None:
    events = await ask(http, "What was the mean current of WLD001?")
    assert kinds(events) == ["tool_call", "tool_result", "message_chunk", "complete_state"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    final = events[-1]
    assert final["status"] == "completed"
    assert final["content"] == text(events)
    assert not next(event for event in events if event["type"] == "tool_result")["is_error"]


async def test_the_same_question_in_chinese_is_answered_in_chinese_with_the_same_number(
    http: httpx.AsyncClient,
) -> None:
    english = await ask(http, "What was the mean current of WLD001?")
    chinese = await ask(http, "WLD001 的平均电流是多少？")
    assert kinds(chinese) == ["tool_call", "tool_result", "message_chunk", "complete_state"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text(chinese))
    results = [next(e["content"] for e in events if e["type"] == "tool_result") for events in (english, chinese)]
    assert results[0] == results[1]


async def test_an_ingested_csv_with_a_space_in_a_field_is_answered_with_the_number_the_file_holds(
    http: httpx.AsyncClient,
) -> None:
    body, values = pump_csv()
    query = {"device_code": "pump-7", "model_code": "pump", "timestamp_column": "datetime", "create": "true"}
    response = await http.post(
        "/api/v2/data/ingest", params=query, content=body, headers={"Content-Type": "text/csv; charset=utf-8"}
    )
    assert response.status_code == 200, response.text
    data = response.json()["data"]
    assert data["rows_accepted"] == len(values)
    assert "Volume Flow RateRMS" in [field["name"] for field in data["fields"]]
    events = await ask(http, "what was the mean Volume Flow RateRMS of pump-7 on 2020-03-09?")
    numbers = [float(word.strip(".,;:()*")) for word in text(events).split() if is_number(word.strip(".,;:()*"))]
    mean = statistics.fmean(values)
    assert any(math.isclose(number, mean, rel_tol=5e-4) for number in numbers), text(events)


async def test_a_question_about_an_unknown_device_says_which_devices_there_are(http: httpx.AsyncClient) -> None:
    events = await ask(http, "What was the mean current of WLD999?")
    assert events[-1]["type"] == "complete_state"
    assert "WLD999" in text(events)
    assert "WLD001" in text(events)


async def test_small_talk_says_that_no_model_is_configured_and_how_to_configure_one(http: httpx.AsyncClient) -> None:
    events = await ask(http, "Hi there!")
    assert kinds(events) == ["message_chunk", "complete_state"]
    assert "OPENAI_API_KEY" in text(events)


async def test_stream_debug_adds_milliseconds_and_the_provider_to_every_event(http: httpx.AsyncClient) -> None:
    events = await ask(http, "What was the mean current of WLD001?", path="stream-debug")
    assert all(event["debug"]["elapsed_ms"] >= 0 for event in events)
    assert events[-1]["debug"]["provider"] == "fallback"


def pump_csv() -> tuple[str, list[float]]:
    """A `;`-separated recording of one hour with a field whose name holds a space; its text and that field's values."""
    noise = random.Random(7)
    start = datetime(2020, 3, 9, 10, 0, tzinfo=UTC)
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=";")
    writer.writerow(["datetime", "Pressure", "Volume Flow RateRMS", "anomaly"])
    values = [round(noise.uniform(120, 128), 4) for _ in range(600)]
    for second, value in enumerate(values):
        moment = (start + timedelta(seconds=second * 6)).strftime("%Y-%m-%d %H:%M:%S")
        writer.writerow([moment, round(noise.gauss(0.05, 0.3), 6), value, 0.0])
    return sink.getvalue(), values


def is_number(word: str) -> bool:
    """Whether `word` reads as a float."""
    try:
        float(word)
    except ValueError:
        return False
    return True
