"""Who may call a service: with a secret of the installation, only those that carry it."""

import hmac
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import grpc

from penstock_kit.address import is_loopback
from penstock_kit.errors import FailedPrecondition, Unauthenticated, error_to_status
from penstock_kit.errors.status import DETAILS_KEY
from penstock_kit.grpc.options import NO_RETRY
from penstock_kit.logging import get_logger

SECRET_KEY: Final = "x-penstock-secret"  # noqa: S105 - a metadata key
REASON: Final = "SERVICE_SECRET_INVALID"
_HEALTH: Final = "/grpc.health."
_REFLECTION: Final = "/grpc.reflection."
_WARNING_SECONDS: Final = 60.0

log = get_logger(__name__)


def secret_metadata(secret: str) -> tuple[tuple[str, str], ...]:
    """Return what a call, or the stream that carries many, shows of the installation's secret."""
    return ((SECRET_KEY, secret),) if secret else ()


def require_secret(host: str, secret: str, service: str) -> None:
    """Raise FailedPrecondition (SERVICE_SECRET_REQUIRED) for a service that others than this machine would reach."""
    if not secret and not is_loopback(host):
        message = (
            f"{service} may listen on {host} only with a secret of the installation: give all services and the gateway "
            "the same PENSTOCK_SERVICE_SECRET (or …_FILE), or leave PENSTOCK_SERVICE_BIND_HOST unset"
        )
        raise FailedPrecondition(message, reason="SERVICE_SECRET_REQUIRED", metadata={"host": host})


class Admission:
    """Decides over calls by their metadata. Health checks are open, reflection is where only this machine listens.

    A stream that carries other calls is admitted once, with all that it carries.
    """

    def __init__(self, secret: str, *, host: str) -> None:
        self._secret = secret.encode()
        self._open = (_HEALTH, _REFLECTION) if is_loopback(host) else (_HEALTH,)
        self._warn_at = 0.0
        untyped: Any = grpc  # its stubs leave the handlers' type parameters open
        self.refusal: Any = untyped.stream_stream_rpc_method_handler(self._refuse)

    def admits(self, method: str, metadata: Iterable[tuple[str, str | bytes]] | None) -> bool:
        """Return whether a call of `method` (``/package.Service/Method``) may go on."""
        for key, value in metadata or ():
            if key == SECRET_KEY:
                given = value if isinstance(value, bytes) else value.encode()
                return hmac.compare_digest(given, self._secret)
        return method.startswith(self._open)

    async def _refuse(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Answer any kind of call without reading what it says."""
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + _WARNING_SECONDS
            log.warning("refused a caller without the installation's secret", peer=context.peer())
        error = Unauthenticated(
            "this service takes calls of its own installation only: the caller did not show the installation's secret "
            "(PENSTOCK_SERVICE_SECRET)",
            reason=REASON,
        )
        status = error_to_status(error)
        trailers = ((DETAILS_KEY, status.SerializeToString()), NO_RETRY)
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, status.message, trailers)
