"""The pages: the chat at ``/``, the dashboard, and the API at ``/docs``. Nothing is loaded from elsewhere."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import Request, Response

from gateway.routes.router import ApiRouter, add
from penstock_kit.errors import NotFound

STATIC: Final = Path(__file__).parent.parent / "static"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file to be served: its bytes, type and tag."""

    content: bytes
    media_type: str
    tag: str


class PageRoutes:
    """The static pages. The files are few and small, and are read once."""

    def __init__(self, folder: Path = STATIC) -> None:
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in _TYPES]
        self._assets = {path.relative_to(folder).as_posix(): _asset(path) for path in paths}
        self.router = ApiRouter(include_in_schema=False)
        add(self.router, "GET /", self.chat_page)
        add(self.router, "GET /c/{conversation_id}", self.conversation_page)
        add(self.router, "GET /docs", self.docs_page)
        add(self.router, "GET /dashboard", self.dashboard_page)
        add(self.router, "GET /static/{name}", self.asset)
        add(self.router, "GET /static/vendor/{name}", self.vendored)
        add(self.router, "GET /favicon.ico", self.icon)

    async def chat_page(self, request: Request) -> Response:
        """Return the chat page."""
        return self._answer(request, "index.html")

    async def conversation_page(self, request: Request, conversation_id: str) -> Response:
        """Return the chat page, which reads the conversation of its address by itself."""
        return self._answer(request, "index.html")

    async def docs_page(self, request: Request) -> Response:
        """Return the page that shows ``/openapi.json``."""
        return self._answer(request, "docs.html")

    async def dashboard_page(self, request: Request) -> Response:
        """Return the dashboard."""
        return self._answer(request, "dashboard.html")

    async def icon(self, request: Request) -> Response:
        """Return the icon that browsers ask for unasked."""
        return self._answer(request, "icon.svg")

    async def asset(self, request: Request, name: str) -> Response:
        """Return a file of the pages."""
        return self._answer(request, name)

    async def vendored(self, request: Request, name: str) -> Response:
        """Return a library of the pages."""
        return self._answer(request, f"vendor/{name}")

    def _answer(self, request: Request, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            raise NotFound(f"there is no file {name!r}", reason="FILE_NOT_FOUND")
        headers = {
            "etag": asset.tag,
            "cache-control": "no-cache",
            "content-security-policy": _POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Asset(content=content, media_type=_TYPES[path.suffix], tag=tag)
