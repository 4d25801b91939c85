"""Server reflection that costs nothing until a tool such as grpcurl asks."""

from collections.abc import Sequence
from typing import Any, Final, cast

import grpc

_PREFIX: Final = "/grpc.reflection."


class LazyReflection(grpc.GenericRpcHandler):  # pyright: ignore[reportMissingTypeArgument]
    """Answers the reflection methods for `names`; the library is imported on the first request."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._methods: dict[str, Any] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a reflection method, None for any other."""
        method = handler_call_details.method
        if not method.startswith(_PREFIX):
            return None
        if not self._methods:
            self._load()
        return self._methods.get(method)

    def _load(self) -> None:
        from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

        names = (*self._names, reflection.SERVICE_NAME)
        servicer = cast("Any", reflection).aio.ReflectionServicer(names)  # aio is missing in its stubs
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, self)

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Not needed: the registered handlers below carry the same methods."""

    def add_registered_method_handlers(self, service_name: str, method_handlers: dict[str, Any]) -> None:
        """Keep the handlers that the generated code registers."""
        self._methods = {f"/{service_name}/{name}": handler for name, handler in method_handlers.items()}
