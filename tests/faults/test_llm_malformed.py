"""Bytes that are no message: refused by name, and the service goes on."""

from pathlib import Path

import grpc
import grpc.aio
import pytest

from penstock_testkit.waiting import HANG_SECONDS
from tests.faults.llm_process import llm_process

COMPLETE = "/penstock.llm.v1.LlmService/Complete"
# The bytes, or how many zeros.
BAD: dict[str, tuple[bytes | int, grpc.StatusCode]] = {
    "garbage": (b"\xff" * 64, grpc.StatusCode.INVALID_ARGUMENT),
    "text that is not UTF-8": (b"\x0a\x04\x0a\x02\xff\xfe", grpc.StatusCode.INVALID_ARGUMENT),
    "20 MB of nothing": (20_000_000, grpc.StatusCode.INVALID_ARGUMENT),
    "more than is taken": (80_000_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
}


async def test_what_is_no_message_is_refused_and_the_service_lives(tmp_path: Path) -> None:
    async with llm_process(tmp_path, "{}") as llm:
        options = [("grpc.max_send_message_length", -1)]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{llm.port}", options=options) as channel:
            call = channel.unary_unary(COMPLETE)
            for name, (data, code) in BAD.items():
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await call(bytes(data), timeout=HANG_SECONDS)
                assert caught.value.code() is code, name
                assert "Traceback" not in (caught.value.details() or "")
        assert (await llm.complete("fallback/rules")).text
