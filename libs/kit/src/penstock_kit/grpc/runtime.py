"""Checks of the protobuf runtime: the pure Python one is ten times slower per message."""

from penstock_kit.logging import get_logger


def fast_protobuf() -> bool:
    """Return whether messages are parsed by upb (C) and not by the pure Python implementation."""
    from google.protobuf.internal import api_implementation

    return api_implementation.Type() == "upb"


def assert_fast_protobuf() -> None:
    """Log a warning when protobuf runs without upb; called at every server start."""
    if not fast_protobuf():
        get_logger(__name__).warning("protobuf runs in pure Python, each message costs ten times as much")
