"""A scripted llm-service."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from penstock.common.v1.common_pb2 import ComponentStatus, Money, Usage
from penstock.llm.v1 import llm_pb2 as pb
from penstock.llm.v1.llm_pb2_grpc import LlmServiceServicer

from penstock_kit.context import Caller, current_context
from penstock_testkit.services.script import Fail, Hang, Step, Wait, play

STARTED = pb.Started(id="ans_1", provider="fallback", model="rules", create_time=Timestamp(seconds=1_790_000_000))
FINISHED = pb.Finished(
    finish_reason="stop",
    usage=Usage(input_tokens=5, cache_read_tokens=2, output_tokens=3, reasoning_tokens=1),
    cost=Money(currency="USD", amount="0", source="free"),
    ledger_id="led_1",
)


def answer_events(*texts: str, started: pb.Started = STARTED, finished: pb.Finished = FINISHED) -> list[Step]:
    """Return the script of an answer that says `texts`, one message each."""
    return [
        [pb.CompletionEvent(started=started)],
        *([pb.CompletionEvent(text=pb.TextDelta(text=text))] for text in texts),
        [pb.CompletionEvent(finished=finished)],
    ]


class FakeLlm(LlmServiceServicer):
    """Plays `script` to every completion and remembers what was asked and by whom.

    A completion that is not streamed folds the script's text.
    """

    def __init__(self) -> None:
        self.script: Sequence[Step] = answer_events("Hello", " world")
        self.models = [pb.Model(id="fallback/rules", provider="fallback", aliases=["default"], capabilities=["chat"])]
        self.providers: list[pb.ProviderState] = []
        self.completions: list[pb.CompletionRequest] = []
        self.requests: list[Any] = []
        self.callers: list[Caller] = []
        self.deadlines: list[float | None] = []
        self.components = [ComponentStatus(name="database", state="ok")]
        self.route = pb.ExplainRouteResponse(policy="order")
        self.configuration_error = ""
        self.cancelled = asyncio.Event()

    async def StreamComplete(  # noqa: N802 - the RPC's name
        self, request: pb.StreamCompleteRequest, context: Any
    ) -> AsyncIterator[pb.StreamCompleteResponse]:
        """Play the script."""
        self._note(request.completion)
        try:
            async for events in play(self.script):
                yield pb.StreamCompleteResponse(events=events)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def Complete(self, request: pb.CompleteRequest, context: Any) -> pb.CompleteResponse:  # noqa: N802
        """Play the script and answer with its fold."""
        self._note(request.completion)
        answer = pb.Completion()
        try:
            async for events in play(self.script):
                for event in events:
                    _fold(answer, event)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return pb.CompleteResponse(completion=answer)

    async def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:  # noqa: N802
        """Answer with `models`."""
        self.callers.append(current_context().caller)
        return pb.ListModelsResponse(models=self.models)

    async def ListProviders(  # noqa: N802
        self, request: pb.ListProvidersRequest, context: Any
    ) -> pb.ListProvidersResponse:
        """Answer with `providers`."""
        return pb.ListProvidersResponse(providers=self.providers)

    async def Embed(self, request: pb.EmbedRequest, context: Any) -> pb.EmbedResponse:  # noqa: N802
        """Answer with one vector [0.5, index] per input."""
        self.requests.append(request)
        self.deadlines.append(current_context().remaining())
        count = len(request.inputs) or len(request.token_inputs)
        vectors = [pb.Embedding(values=struct.pack("<2f", 0.5, index)) for index in range(count)]
        return pb.EmbedResponse(
            provider="fallback", model="hashing", embeddings=vectors, usage=Usage(input_tokens=count)
        )

    async def CountTokens(self, request: pb.CountTokensRequest, context: Any) -> pb.CountTokensResponse:  # noqa: N802
        """Count a token per message."""
        self._note(request.completion)
        return pb.CountTokensResponse(input_tokens=len(request.completion.messages), estimated=True)

    async def ExplainRoute(self, request: pb.ExplainRouteRequest, context: Any) -> pb.ExplainRouteResponse:  # noqa: N802
        """Answer with `route`."""
        self.requests.append(request)
        return self.route

    async def ReloadConfiguration(  # noqa: N802
        self, request: pb.ReloadConfigurationRequest, context: Any
    ) -> pb.ReloadConfigurationResponse:
        """Refuse for `configuration_error`, if there is one."""
        error = self.configuration_error
        return pb.ReloadConfigurationResponse(applied=not error, error=error)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802
        """Answer with `components`."""
        return pb.GetStatusResponse(components=self.components, rss_bytes=50 * 1024 * 1024)

    def _note(self, completion: pb.CompletionRequest) -> None:
        context = current_context()
        self.completions.append(completion)
        self.callers.append(context.caller)
        self.deadlines.append(context.remaining())


def _fold(answer: pb.Completion, event: pb.CompletionEvent) -> None:
    match event.WhichOneof("event"):
        case "started":
            answer.started.CopyFrom(event.started)
        case "text":
            answer.text += event.text.text
        case "thinking":
            answer.thinking += event.thinking.text
            answer.thinking_signature += event.thinking.signature
        case "refusal":
            answer.refusal += event.refusal.text
        case "tool_call":
            _fold_call(answer, event.tool_call)
        case "annotation":
            answer.annotations.append(event.annotation)
        case "picture":
            answer.pictures.append(event.picture)
        case "finished":
            answer.finished.CopyFrom(event.finished)
        case _:
            pass


def _fold_call(answer: pb.Completion, delta: pb.ToolCallDelta) -> None:
    while len(answer.tool_calls) <= delta.call_index:
        answer.tool_calls.add()
    call = answer.tool_calls[delta.call_index]
    call.id += delta.id
    call.name += delta.name
    call.arguments_json += delta.arguments


__all__ = ["FINISHED", "STARTED", "Fail", "FakeLlm", "Hang", "Wait", "answer_events"]
