"""A call whose answer is long keeps its request in memory on neither side once the answer has begun."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from penstock.common.v1 import multiplex_pb2_grpc

from penstock_kit.grpc import open_channel
from penstock_kit.grpc.interceptor import CallInterceptor
from penstock_kit.grpc.multiplex.serving import MultiplexServicer
from penstock_testkit.waiting import HANG_SECONDS, until

SERVICE = "penstock.test.v1.LongService"
PATH = f"/{SERVICE}/Answer"


class Question:
    """A request that can be watched."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class LongAnswer:
    """Answers in two pieces, the second when it is let go; forgets the question before the first."""

    def __init__(self) -> None:
        self.question: weakref.ref[Question] | None = None
        self.go_on = asyncio.Event()

    async def answer(self, request: Question, context: Any) -> None:
        self.question = weakref.ref(request)
        del request
        await context.write(b"first")
        await self.go_on.wait()
        await context.write(b"last")


@asynccontextmanager
async def ask(servicer: LongAnswer, question: list[Question]) -> AsyncIterator[Any]:
    """Ask the only question of a list, which is empty then; yield the running call."""
    handler: Any = grpc.unary_stream_rpc_method_handler(servicer.answer, request_deserializer=Question)
    aio: Any = grpc.aio
    server = aio.server()
    carried = MultiplexServicer(lambda method: CallInterceptor().wrap(handler, method))
    multiplex_pb2_grpc.add_MultiplexServiceServicer_to_server(carried, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_channel(f"127.0.0.1:{port}", service="long-service", multiplexed=[SERVICE]) as opened:
            channel: Any = opened
            call = channel.unary_stream(PATH, request_serializer=lambda asked: asked.data)(question.pop())
            async with asyncio.timeout(HANG_SECONDS), call:
                yield call
    finally:
        await server.stop(0)


def is_gone(question: "weakref.ref[Question] | None") -> bool:
    gc.collect()
    return question is not None and question() is None


async def test_neither_side_keeps_a_question_whose_answer_has_begun() -> None:
    asked, servicer = Question(b"why?"), LongAnswer()
    watched, questions = weakref.ref(asked), [asked]
    del asked
    async with ask(servicer, questions) as call:
        assert await call.read() == b"first"
        await until(lambda: is_gone(watched))
        await until(lambda: is_gone(servicer.question))
        servicer.go_on.set()
        assert await call.read() == b"last"
        assert await call.read() is grpc.aio.EOF
