"""penstock-client against the whole running system, as its README shows it."""

import json
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest

from penstock_client import AsyncPenstock, CompleteState, MessageChunk, OfflineQueue, Penstock, ToolCall
from penstock_client.errors import AuthenticationError, BadRequestError, NotFoundError
from penstock_testkit.system import RunningSystem

QUESTION: Final = "What was the mean current of WLD001 in the last hour?"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "openapi.json"
# Written by hand in the client, or spoken with a vendor's SDK or InfluxDB's clients.
BY_HAND: Final = {
    "/api/v2/write", "/api/v3/write_lp", "/write", "/ping", "/query",
    "/api/v2/auth/login", "/api/v2/auth/refresh", "/api/v2/auth/logout", "/api/v2/auth/oidc/session",
    "/api/v2/data/ingest", "/health", "/ready", "/ready/gateway", "/metrics", "/api/v2/metrics",
    "/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/mcp",
    "/api/v1/conversations/{conversation_id}/stream",
    "/api/v1/conversations/{conversation_id}/stream-debug", "/api/v1/streams/{stream_id}/events",
    "/api/v2/ai/plot", "/api/v2/ai/datasets/{dataset_id}/download",
    "/api/v1/conversations/{conversation_id}/pictures/{picture_id}",
}  # fmt: skip


@pytest.fixture
def penstock(system: RunningSystem) -> Any:
    with Penstock(system.url, api_key=system.key) as client:
        yield client


async def test_the_committed_openapi_document_is_what_the_gateway_serves(http: httpx.AsyncClient) -> None:
    served = (await http.get("/openapi.json")).json()
    assert json.loads(DOCUMENT.read_text("utf-8")) == served, "run `make openapi`"


def test_every_operation_of_the_api_has_a_method_in_the_client() -> None:
    package = DOCUMENT.parents[1] / "client" / "src" / "penstock_client" / "_sync"
    source = (package / "operations.py").read_text("utf-8").replace(", safe=''", "")
    for path in json.loads(DOCUMENT.read_text("utf-8"))["paths"]:
        if path not in BY_HAND:
            quoted = path.replace("{", "{quote(").replace("}", ")}")
            assert f'path="{path}"' in source or f'path=f"{quoted}"' in source, path


def test_a_question_about_a_machine_is_answered_with_typed_events(penstock: Penstock) -> None:
    conversation = penstock.conversations.create(title="client")
    events = list(
        penstock.conversations.ask(conversation["id"], "What was the mean current of WLD001 in the last hour?")
    )
    assert any(isinstance(event, ToolCall) and event.name == "device_statistics" for event in events)
    assert isinstance(events[-1], CompleteState)
    text = "".join(event.content for event in events if isinstance(event, MessageChunk))
    assert events[-1].content == text != ""
    again = list(penstock.conversations.resume(events[0].stream_id, after=events[1].sequence))
    assert [event.sequence for event in again] == [event.sequence for event in events[2:]]
    titles = [found["title"] for found in penstock.conversations.iterate(page_size=1)]
    assert "client" in titles


async def test_the_async_client_answers_the_same_way_and_signs_in_by_password(system: RunningSystem) -> None:
    async with AsyncPenstock(system.url, username="admin", password=system.password) as penstock:
        answer = await penstock.conversations.ask_once(QUESTION)
        assert "current" in answer.content
        codes = [device["device_code"] async for device in penstock.devices.iterate(page_size=1)]
        assert "WLD001" in codes


def test_rows_go_in_and_come_out_as_pandas_frames(penstock: Penstock, tmp_path: Path) -> None:
    file = tmp_path / "pump.csv"
    lines = [f"2026-03-01T00:00:{second:02d}Z,{second},{second * 2}" for second in range(60)]
    file.write_text("\n".join(["timestamp,flow,pressure", *lines]))
    sent: list[tuple[int, int | None]] = []
    told = penstock.data.upload(file, device_code="CLIENT01", create=True, progress=lambda *step: sent.append(step))
    assert told["rows_accepted"] == 60
    assert sent[-1] == (file.stat().st_size, file.stat().st_size)
    more = [{"timestamp": "2026-03-01T00:01:00Z", "flow": 60, "pressure": 120}]
    assert penstock.data.write("CLIENT01", more)["rows_accepted"] == 1
    frame = penstock.data.history("CLIENT01").to_pandas()
    assert frame.shape == (61, 2)
    assert frame["pressure"].to_list() == [second * 2 for second in range(61)]
    matrix = penstock.features.matrix(
        "CLIENT01", window_size=10, overlap=0.5, features=["mean"], normalize_method="none"
    )
    features = matrix.to_pandas()
    assert features.shape == (11, 2)
    assert features["flow_mean"].iloc[0] == pytest.approx(4.5)
    assert str(features.index.tz) == "UTC"


def test_a_data_set_is_built_waited_for_and_downloaded_whole(penstock: Penstock, tmp_path: Path) -> None:
    made = penstock.datasets.create(
        model_code="welding_ai_model", device_codes=["WLD001"], label_column="quality_label", window_size=256
    )
    assert penstock.datasets.wait(made["dataset_id"])["dataset_id"] == made["dataset_id"]
    path = penstock.datasets.download(made["dataset_id"], tmp_path / "data.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert {"X_train", "y_train", "X_val", "y_val"} <= set(arrays)
    assert [found.name for found in tmp_path.iterdir()] == ["data.npz"]


def test_refusals_say_what_was_wrong_and_carry_their_reason(penstock: Penstock, system: RunningSystem) -> None:
    with pytest.raises(NotFoundError, match="WLD01") as missing:
        penstock.devices.get("WLD01")
    assert (missing.value.status, missing.value.retryable) == (404, False)
    assert missing.value.request_id.startswith("req_")
    with pytest.raises(BadRequestError):
        penstock.features.extract(device_code="WLD001", window_size=0)
    with Penstock(system.url, api_key="psk_wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.devices.list()


def test_a_queue_that_was_killed_between_answer_and_removal_asks_once(penstock: Penstock, tmp_path: Path) -> None:
    """The removal is lost on purpose: the same key again is answered from what the server has kept."""
    conversation = penstock.conversations.create()
    queue = OfflineQueue(tmp_path)
    for number in range(3):
        queue.add(conversation["id"], f"message {number}")
    kept = (tmp_path / "offline_queue.bin").read_bytes()
    assert queue.flush(penstock).sent == 3
    (tmp_path / "offline_queue.bin").write_bytes(kept)
    assert queue.flush(penstock).sent == 3
    messages = penstock.conversations.list_messages(conversation["id"], page_size=100)["messages"]
    said = [message["content"] for message in messages if message["role"] == "user"]
    assert said == ["message 0", "message 1", "message 2"]
