"""The channel arguments both sides of a Penstock call agree on."""

import json
from collections.abc import Sequence
from typing import Any, Final

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
MAX_METADATA_BYTES: Final = 64 * 1024

# The most that gRPC takes for a time, which it holds to be without end.
_FOREVER_MS: Final = 2**31 - 1

_SHARED: Final[tuple[tuple[str, Any], ...]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", 2 * MAX_METADATA_BYTES),
)

_SERVER: Final[tuple[tuple[str, Any], ...]] = (
    *_SHARED,
    # Two servers on one port would share its connections at random; a taken port must be an error.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    # A connection that is too old takes no new calls, and those that run on it may take as long as they need.
    ("grpc.max_connection_age_grace_ms", _FOREVER_MS),
)

_CLIENT: Final[tuple[tuple[str, Any], ...]] = (
    *_SHARED,
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # The least backoff is also the time a connection attempt gets: an absent server is known within 1.5 s.
    ("grpc.min_reconnect_backoff_ms", 1_500),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Names are asked again when a connection ends, as often as connections are tried: gRPC's own pause of 30 s is how
    # long nobody is found when all replicas have got new addresses.
    ("grpc.dns_min_time_between_resolutions_ms", 2_000),
    # Services talk to each other directly, also where an HTTP proxy is set for vendor calls.
    ("grpc.enable_http_proxy", 0),
    # What another channel of this process met at an address, perhaps long ago, is no reason to fail.
    ("grpc.use_local_subchannel_pool", 1),
)

_RETRY: Final[dict[str, Any]] = {
    "maxAttempts": 3,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 3,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# What the server adds to the trailers of every error of its own: an answer was given, don't ask again.
NO_RETRY: Final = ("grpc-retry-pushback-ms", "-1")


def server_options(connection_age: float = 0) -> tuple[tuple[str, Any], ...]:
    """Return the channel arguments of a server that ends connections after `connection_age` seconds, 0 for never.

    gRPC takes up to a tenth more or less for each, so that those that began together do not end together.
    """
    age_ms = int(connection_age * 1000) or _FOREVER_MS
    return (*_SERVER, ("grpc.max_connection_age_ms", min(age_ms, _FOREVER_MS)))


def client_options(idempotent: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """Return the channel arguments of a client that may repeat the `idempotent` methods.

    A name is ``package.Service`` or ``package.Service/Method``. Everything else is repeated only where gRPC knows
    that the request never reached a server.
    """
    return (*_CLIENT, ("grpc.enable_retries", 1), ("grpc.service_config", _service_config(idempotent)))


def _service_config(idempotent: Sequence[str]) -> str:
    names: list[dict[str, str]] = []
    for name in idempotent:
        service, _, method = name.partition("/")
        names.append({"service": service, "method": method} if method else {"service": service})
    method_config = [{"name": names, "retryPolicy": _RETRY}] if names else []
    return json.dumps({"methodConfig": method_config, "loadBalancingConfig": [{"round_robin": {}}]})
