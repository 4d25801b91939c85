"""gRPC as Penstock does it: one server with health, reflection and drain; one channel with identity and errors."""

from penstock_kit.grpc.call import responses
from penstock_kit.grpc.channel import PenstockChannel, open_channel
from penstock_kit.grpc.process import run_service
from penstock_kit.grpc.runtime import assert_fast_protobuf, fast_protobuf
from penstock_kit.grpc.server import GrpcServer

__all__ = [
    "GrpcServer",
    "PenstockChannel",
    "assert_fast_protobuf",
    "fast_protobuf",
    "open_channel",
    "responses",
    "run_service",
]
