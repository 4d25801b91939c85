"""The answer to a WebSocket that is not let in."""

from fastapi import Response

from gateway.problems import render_error
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError


def denial(error: PenstockError, path: str) -> Response:
    """Return `error` as the HTTP answer to a handshake."""
    rendered = render_error(error, path=path, request_id=current_context().request_id)
    headers = {name.decode(): value.decode() for name, value in rendered.headers}
    return Response(rendered.body, status_code=rendered.status, headers=headers)
