"""One call being served: its context on the way in, its metrics, span and status on the way out."""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio
from opentelemetry import context as otel_context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from penstock_kit.context import CallContext, context_from_metadata, set_context
from penstock_kit.errors import Internal, PenstockError, Unimplemented, error_to_status
from penstock_kit.errors.status import DETAILS_KEY
from penstock_kit.grpc.options import NO_RETRY
from penstock_kit.logging import get_logger
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.metrics import MethodMetrics
from penstock_kit.telemetry.tracing import parent_context

if TYPE_CHECKING:
    ServicerContext = grpc.aio.ServicerContext[Any, Any]

_CODES: Final[dict[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL_MESSAGE: Final = "internal error; the service log has it under this request id"

log = get_logger(__name__)


class MethodObserver:
    """What the calls of one method share."""

    def __init__(
        self, *, method: str, metrics: MethodMetrics | None, tracer: Tracer | None, redactor: Redactor
    ) -> None:
        self.method = method
        self.metrics = metrics
        self.tracer = tracer
        self.redactor = redactor

    def begin(self, servicer_context: "ServicerContext") -> "ServedCall":
        """Make the caller's context current for this task and start measuring."""
        context = context_from_metadata(
            servicer_context.invocation_metadata(),  # pyright: ignore[reportArgumentType]
            servicer_context.time_remaining(),
        )
        set_context(context)
        span = None if self.tracer is None else self._start_span(self.tracer, context)
        if self.metrics is not None:
            self.metrics.on_start()
        return ServedCall(self, context, span)

    def _start_span(self, tracer: Tracer, context: CallContext) -> Span:
        service, _, method = self.method.partition("/")
        span = tracer.start_span(
            self.method,
            context=parent_context(context.traceparent, context.tracestate),
            kind=SpanKind.SERVER,
            attributes={
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": method,
                "penstock.request_id": context.request_id,
            },
        )
        # Not detached: the task of a call ends with the call, and its context with it.
        otel_context.attach(set_span_in_context(span))
        return span


class ServedCall:
    """One running call; ended exactly once, by :meth:`end` or :meth:`fail`."""

    __slots__ = ("_context", "_observer", "_span", "_started")

    def __init__(self, observer: MethodObserver, context: CallContext, span: Span | None) -> None:
        self._observer = observer
        self._context = context
        self._span = span
        self._started = time.perf_counter()

    def end(self, code: str) -> None:
        """Record the outcome under the name of its gRPC code."""
        if self._observer.metrics is not None:
            self._observer.metrics.on_finish(code, time.perf_counter() - self._started)
        if self._span is not None:
            self._span.set_attribute("rpc.grpc.status_code", code)
            if code != "OK":
                self._span.set_status(StatusCode.ERROR, code)
            self._span.end()

    async def fail(self, error: BaseException, servicer_context: "ServicerContext") -> None:
        """Record `error` and answer with its status; returns only when the error itself must go on.

        That is a cancellation of this call, an abort that was already sent, or an exit of the process.
        """
        match error:
            case asyncio.CancelledError() if _is_being_cancelled():
                self.end("DEADLINE_EXCEEDED" if self._context.remaining() == 0 else "CANCELLED")
            case grpc.aio.AbortError():
                self.end(_CODES.get(_number(servicer_context.code()), grpc.StatusCode.UNKNOWN).name)
            case PenstockError():
                await self._abort(error, servicer_context)
            case NotImplementedError():  # the generated base class, for a method the servicer does not have
                await self._abort(Unimplemented(f"{self._observer.method} is not implemented"), servicer_context)
            case SystemExit() | KeyboardInterrupt():
                self.end("INTERNAL")
            case _:  # also the cancellation of something that the handler waited for: whoever called waits for an end
                log.error("unexpected error in a call", method=self._observer.method, exc_info=error)
                hidden = Internal(_INTERNAL_MESSAGE, metadata={"request_id": self._context.request_id})
                await self._abort(hidden, servicer_context)

    async def _abort(self, error: PenstockError, servicer_context: "ServicerContext") -> None:
        status = error_to_status(self._observer.redactor.error(error))
        code = _CODES[status.code]
        self.end(code.name)
        already: Any = servicer_context.trailing_metadata() or ()
        trailers: Any = (*already, (DETAILS_KEY, status.SerializeToString()), NO_RETRY)
        await servicer_context.abort(code, status.message, trailers)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _number(code: Any) -> int:
    return code.value[0] if isinstance(code, grpc.StatusCode) else int(code or 0)
