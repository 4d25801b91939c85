"""The one server interceptor: context, span, metrics and error mapping, wrapped once per method.

Each handler is wrapped the first time its method is called and kept, so that a request pays for
one dictionary look-up, one context and two metric updates, and nothing is built again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

import grpc
import grpc.aio

from penstock_kit.grpc.admission import Admission
from penstock_kit.grpc.request import checked, checked_stream, tolerant
from penstock_kit.grpc.served_call import MethodObserver
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry.metrics import RpcMetrics
from penstock_kit.telemetry.tracing import Tracing

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    ServicerContext = grpc.aio.ServicerContext[Any, Any]

Behavior = Callable[[Any, "ServicerContext"], Any]
Check = Callable[[Any, str], Any]
_ARITY: Final = {False: "unary", True: "stream"}
_DRAIN_SECONDS: Final = 10.0
# Probes, and the stream that carries calls: neither spans nor metrics.
_INFRASTRUCTURE: Final = ("/grpc.health.", "/grpc.reflection.", "/penstock.common.v1.MultiplexService/")


class CallInterceptor(grpc.aio.ServerInterceptor):  # pyright: ignore[reportMissingTypeArgument]
    """Gives every call its context and its outcome, on all four kinds of method; see the module."""

    def __init__(
        self,
        *,
        metrics: RpcMetrics | None = None,
        tracing: Tracing | None = None,
        redactor: Redactor | None = None,
        admission: Admission | None = None,
    ) -> None:
        self._admission = admission
        self._metrics = metrics
        self._tracer = tracing.tracer("penstock_kit.grpc") if tracing is not None and tracing.enabled else None
        self._redactor = redactor or Redactor()
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler":
        """Return the wrapped handler of the method that is called, the refusal of a caller who may not call."""
        method = handler_call_details.method
        admission = self._admission
        if admission is not None and not admission.admits(method, handler_call_details.invocation_metadata):  # pyright: ignore[reportArgumentType]
            return admission.refusal
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler = cast("Handler | None", await continuation(handler_call_details))
        if handler is None or method.startswith(_INFRASTRUCTURE):
            return handler  # pyright: ignore[reportReturnType]
        return self.wrap(handler, method)

    def wrap(self, handler: "Handler", method: str) -> "Handler":
        """Return `handler` with all that a call of `method` (``/package.Service/Method``) gets here; kept."""
        known = self._handlers.get(method)
        if known is None:
            known = self._handlers[method] = self._wrapped(handler, method.lstrip("/"))
        return known

    def _wrapped(self, handler: "Handler", method: str) -> "Handler":
        metrics = None if self._metrics is None else self._metrics.method(method)
        observer = MethodObserver(method=method, metrics=metrics, tracer=self._tracer, redactor=self._redactor)
        wrap = _streaming if handler.response_streaming else _single
        kind = f"{_ARITY[handler.request_streaming]}_{_ARITY[handler.response_streaming]}"
        behavior = wrap(getattr(handler, kind), observer, checked_stream if handler.request_streaming else checked)
        make: Any = getattr(grpc, f"{kind}_rpc_method_handler")
        untyped: Any = handler
        return make(behavior, tolerant(untyped.request_deserializer), untyped.response_serializer)


def _single(inner: Behavior, observer: MethodObserver, check: Check) -> Behavior:
    async def behavior(request: Any, context: "ServicerContext") -> Any:
        call = observer.begin(context)
        try:
            response = await inner(check(request, observer.method), context)
        except BaseException as error:
            if check is checked_stream and isinstance(error, Exception):
                await _drain(request)
            await call.fail(error, context)
            raise
        call.end("OK")
        return response

    return behavior


async def _drain(requests: AsyncIterator[Any]) -> None:
    """Read what the caller is still sending before it is refused, for a while.

    A grpc.aio client whose write fails because the call is over reports an internal error instead of our status.
    """
    with contextlib.suppress(Exception):
        async with asyncio.timeout(_DRAIN_SECONDS):
            async for _ in requests:
                pass


def _streaming(inner: Behavior, observer: MethodObserver, check: Check) -> Behavior:
    # Written to the context instead of yielded on: when the caller leaves, the cancellation then
    # arrives in this very frame, and the handler's generator is closed before the call counts as over.
    async def behavior(request: Any, context: "ServicerContext") -> None:
        call = observer.begin(context)
        requests = request if check is checked_stream else None
        try:
            responses = inner(check(request, observer.method), context)
            del request  # the handler has it as long as it needs it
            if hasattr(responses, "__aiter__"):
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)
            else:
                await responses
        except BaseException as error:
            if requests is not None and isinstance(error, Exception):
                await _drain(requests)
            await call.fail(error, context)
            raise
        call.end("OK")

    return behavior
