"""What streams from a service and ends before its first piece is an error, and never an empty success."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import Message

from gateway.http.disconnect import ActiveResponses
from gateway.transfer.download import Download
from gateway.transfer.feature_stream import FeatureJson
from penstock_kit.errors import BadUpstream
from penstock_kit.grpc.call import EOF


class Empty:
    """A call whose stream ends at once."""

    async def read(self) -> object:
        return EOF


@asynccontextmanager
async def start() -> AsyncGenerator[Any]:
    yield Empty()


async def receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.parametrize("response", [FeatureJson, Download])
async def test_a_stream_without_a_piece_is_the_services_failure_and_sends_nothing(
    response: Callable[..., FeatureJson | Download],
) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(BadUpstream) as refused:
        await response(start, ActiveResponses())({"type": "http"}, receive, send)
    assert (refused.value.reason, sent) == ("STREAM_INTERRUPTED", [])
