"""Errors of a model call, as its caller may see them."""

from penstock_kit.errors import BadUpstream, ErrorKind, PenstockError, Unavailable


def caller_error(error: PenstockError) -> PenstockError:
    """Return `error` as the caller may see it.

    A 401 from behind is our credentials' failure, not the caller's, unless it is about the caller's own,
    which ended meanwhile; a cancellation nobody asked for is a service that went away.
    """
    if error.kind is ErrorKind.UNAUTHENTICATED and error.reason != "CREDENTIALS_INVALID":
        message = "the model provider refused the gateway's credentials; tell the operator"
        return BadUpstream(message, reason="PROVIDER_CREDENTIALS_INVALID", metadata=error.metadata)
    if error.kind is ErrorKind.CANCELLED:
        return Unavailable("the service ended the call before the answer was complete", reason="STREAM_INTERRUPTED")
    return error


def stream_cut_error() -> PenstockError:
    """Return the error of a stream that ended without a finish reason."""
    return BadUpstream("the answer ended without a finish reason; it may be incomplete", reason="STREAM_INTERRUPTED")
