"""Errors out of the application become answers in the shape the caller's path speaks."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.disconnect import ClientDisconnected
from gateway.http.frames import release_frames
from gateway.http.problems import render_error
from penstock_kit.context import current_context
from penstock_kit.errors import Internal, PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.redaction import Redactor

log = get_logger(__name__)


class ErrorResponses:
    """Answers for whatever the application raised before its answer began."""

    def __init__(self, app: ASGIApp, *, redactor: Redactor) -> None:
        self._app = app
        self._redactor = redactor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnected:
            return
        except PenstockError as error:
            if begun:
                raise
            await send_error(error, scope, send, self._redactor)
            release_frames(error)
        except Exception as error:
            if begun:
                raise
            log.error("unexpected error in a request", path=scope["path"], exc_info=error)
            await send_error(internal_error(), scope, send, self._redactor)
            release_frames(error)


def internal_error() -> PenstockError:
    """Return what a caller is told of an exception that nobody foresaw."""
    return Internal("internal error; the gateway's log has it under this request id")


async def send_error(error: PenstockError, scope: Scope, send: Send, redactor: Redactor | None = None) -> None:
    """Answer `scope` with `error`, secrets masked."""
    shown = error if redactor is None else redactor.error(error)
    rendered = render_error(shown, path=scope["path"], request_id=current_context().request_id)
    await send({"type": "http.response.start", "status": rendered.status, "headers": list(rendered.headers)})
    await send({"type": "http.response.body", "body": rendered.body})
