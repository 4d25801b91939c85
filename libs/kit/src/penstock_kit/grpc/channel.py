"""The client side: a channel that carries identity, trace and deadline, and raises Penstock errors.

Generated stubs are built on it as on any channel::

    channel = open_channel("127.0.0.1:50051", service="llm-service")
    stub = llm_pb2_grpc.LlmServiceStub(channel)
    answer = await stub.Complete(request)                       # raises PenstockError
    async with stub.StreamComplete(request) as events:          # leaving the block cancels the call
        async for event in events: ...
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Any, Final, Self

import grpc
import grpc.aio
from penstock.common.v1 import multiplex_pb2

from penstock_kit.address import target_of
from penstock_kit.grpc.admission import secret_metadata
from penstock_kit.grpc.call import Peer, SingleCall, StreamingCall
from penstock_kit.grpc.multiplex.call import Method, MultiplexedSingleCall, MultiplexedStreamingCall
from penstock_kit.grpc.multiplex.connection import LIFETIME_SECONDS, ConnectionPool
from penstock_kit.grpc.multiplex.connection import METHOD as CARRY
from penstock_kit.grpc.options import client_options

DEFAULT_TIMEOUT: Final = 30.0


def open_channel(
    target: str,
    *,
    service: str,
    timeout: float = DEFAULT_TIMEOUT,
    idempotent: Sequence[str] = (),
    multiplexed: Sequence[str] = (),
    credentials: grpc.ChannelCredentials | None = None,
    secret: str = "",
    stream_lifetime: float = LIFETIME_SECONDS,
) -> "PenstockChannel":
    """Return a channel to `service` at `target`; it connects on the first call and reconnects by itself.

    `target` is what a setting holds: ``host:port``, several addresses with commas, ``dns:///name:port``. Calls go to
    all replicas in turn; see :func:`penstock_kit.address.target_of`. They carry the installation's `secret`.

    Each call carries the metadata of the current context and ends at the context's deadline; a call
    with a single answer after `timeout` seconds at the latest, a stream has no limit but the context's.
    An absent server fails a call within 2 s with Unavailable naming service and address. `idempotent`
    names what may be repeated on UNAVAILABLE (``penstock.llm.v1.LlmService/ListModels``, or a whole service).
    `multiplexed` names in the same way what goes over one stream with other calls, at a fraction of the cost: for
    methods with one request that are called many times a second. Their calls mean the same as any other; what answers
    once is repeated as `idempotent`, what streams is not; see :mod:`penstock_kit.grpc.multiplex`. Where `target` may be
    several replicas such a stream takes new calls for `stream_lifetime` seconds.
    """
    options = client_options(idempotent)
    uri = target_of(target)
    if credentials is None:
        channel = grpc.aio.insecure_channel(uri, options=options)
    else:
        channel = grpc.aio.secure_channel(uri, credentials, options=options)
    peer = Peer(service=service, target=target, timeout=timeout, metadata=secret_metadata(secret))
    return PenstockChannel(
        channel, peer, uri, multiplexed=multiplexed, idempotent=idempotent, stream_lifetime=stream_lifetime
    )


class PenstockChannel(grpc.aio.Channel):
    """Hands out multi-callables that do what :func:`open_channel` promises.

    They wrap those of grpc.aio. Client interceptors could do the same, but make a task and two more
    objects for each RPC.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        peer: Peer,
        target: str,
        *,
        multiplexed: Iterable[str] = (),
        idempotent: Iterable[str] = (),
        stream_lifetime: float = LIFETIME_SECONDS,
    ) -> None:
        self._channel: Any = channel  # its stubs leave the multi-callables untyped
        self._peer = peer
        self._multiplexed = frozenset(multiplexed)
        self._idempotent = frozenset(idempotent)
        self._connections = ConnectionPool(self._open_stream, target, stream_lifetime)

    async def close(self, grace: float | None = None) -> None:
        """Close the connection; running calls get `grace` seconds, those of multiplexed methods none."""
        await self._connections.close()
        await self._channel.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """Return the state of the connection."""
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the state is no longer `last_observed_state`."""
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return when the connection is up."""
        await self._channel.channel_ready()

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the callable of a method with one request and one response."""
        plain = SingleCall(self._channel.unary_unary(method, *args, **kwargs), self._peer)
        return (
            MultiplexedSingleCall(self._method(method, plain, *args, **kwargs))
            if _is_named(method, self._multiplexed)
            else plain
        )

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the callable of a method with many requests and one response."""
        return SingleCall(self._channel.stream_unary(method, *args, **kwargs), self._peer)

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the callable of a method with one request and many responses."""
        plain = StreamingCall(self._channel.unary_stream(method, *args, **kwargs), self._peer)
        return (
            MultiplexedStreamingCall(self._method(method, plain, *args, **kwargs))
            if _is_named(method, self._multiplexed)
            else plain
        )

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Return the callable of a method with many requests and many responses."""
        return StreamingCall(self._channel.stream_stream(method, *args, **kwargs), self._peer)

    def _method(
        self,
        method: str,
        plain: Callable[..., Any],
        request_serializer: Callable[[Any], bytes] | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool | None = None,
    ) -> Method:
        return Method(
            path=method,
            connections=self._connections,
            peer=self._peer,
            plain=plain,
            serialize=request_serializer,
            deserialize=response_deserializer,
            idempotent=_is_named(method, self._idempotent),
        )

    def _open_stream(self) -> Any:
        return self._channel.stream_stream(
            CARRY,
            request_serializer=multiplex_pb2.CarryRequest.SerializeToString,
            response_deserializer=multiplex_pb2.CarryResponse.FromString,
        )(metadata=self._peer.metadata)


def _is_named(method: str, names: AbstractSet[str]) -> bool:
    """Return whether `names` has the method, or its whole service."""
    name = method.lstrip("/")
    return name in names or name.partition("/")[0] in names
