"""Signing in through the issuer: where browsers go and come back to, and how a page gets its tokens then."""

from typing import Annotated, Final

from fastapi import Query, Request, Response
from starlette.responses import RedirectResponse

from gateway.audit.recorder import AuditRecorder
from gateway.auth.oidc.accounts import GroupDenied, user_details
from gateway.auth.oidc.handover import LIFE_SECONDS as HANDOVER_SECONDS
from gateway.auth.oidc.handover import Handover
from gateway.auth.oidc.options import CALLBACK_PATH, START_PATH
from gateway.auth.oidc.sign_in import LIFE_SECONDS, Callback, SingleSignOn, own_page
from gateway.auth.session import Sessions
from gateway.routes.envelope import Stopwatch
from gateway.routes.login import pair_data
from gateway.routes.router import ApiRouter, add, api_router
from penstock_kit.errors import FailedPrecondition, PenstockError

_SESSION_COOKIE: Final = "penstock-session"
# Told to the page behind the address, which no server sees.
_DONE: Final = "#signed-in"
_FAILED: Final = "#sign-in-failed="
_HEADERS: Final = {"cache-control": "no-store", "referrer-policy": "no-referrer"}

Text = Annotated[str, Query(max_length=8192)]


class SingleSignOnRoutes:
    """The routes of single sign-on; without `single_sign_on` they say that there is none."""

    def __init__(
        self,
        *,
        single_sign_on: SingleSignOn | None,
        handover: Handover,
        sessions: Sessions,
        recorder: AuditRecorder,
        with_password: bool,
    ) -> None:
        self._single_sign_on = single_sign_on
        self._handover = handover
        self._sessions = sessions
        self._recorder = recorder
        self._with_password = with_password
        self.router = api_router("auth")
        add(self.router, "GET /api/v2/auth/methods", self.list_methods)
        add(self.router, "POST /api/v2/auth/oidc/session", self.open_session)
        # For browsers on their way, and with whatever parameters an issuer adds.
        self.pages = ApiRouter(include_in_schema=False)
        add(self.pages, f"GET {START_PATH}", self.start)
        add(self.pages, f"GET {CALLBACK_PATH}", self.finish)

    async def list_methods(self) -> Response:
        """Say how one may sign in here: with a password or through an issuer; keys always count."""
        watch = Stopwatch()
        found = self._single_sign_on
        options = None if found is None else {"label": found.options.label, "start_url": found.options.start_url}
        return watch.envelope({"password": self._with_password, "single_sign_on": options})

    async def open_session(self, request: Request) -> Response:
        """Exchange the cookie of a sign-in through the issuer, which counts for a minute and once, for tokens."""
        watch = Stopwatch()
        single_sign_on = self._required()
        name = _session_cookie(single_sign_on)
        user = await self._handover.redeem(request.cookies.get(name, ""))
        pair = await self._sessions.open(user, lifetime=single_sign_on.options.session_lifetime)
        response = watch.envelope(pair_data(pair))
        self._forget(response, name)
        return response

    async def start(self, request: Request, return_to: Text = "/") -> Response:
        """Send a browser to the issuer, to come back to `return_to`."""
        try:
            single_sign_on = self._required()
            started = await single_sign_on.start(return_to)
        except PenstockError as error:
            return _failed(request, error, own_page(return_to))
        response = RedirectResponse(started.url, 302, headers=_HEADERS)
        for name in single_sign_on.superfluous(request.cookies):
            self._forget(response, name)
        self._keep(response, started.cookie_name, started.cookie_value, seconds=LIFE_SECONDS, strict=False)
        return response

    async def finish(
        self, request: Request, state: Text = "", code: Text = "", error: Text = "", iss: Text = ""
    ) -> Response:
        """Take a browser back from the issuer, and send it to the page where the sign-in was begun."""
        single_sign_on = self._required()
        page = single_sign_on.page_of(state, request.cookies)
        try:
            callback = Callback(state=state, code=code, error=error, issuer=iss)
            admission = await single_sign_on.finish(callback, request.cookies)
            if admission.change:
                action = f"user.{admission.change}"
                await self._recorder.record_sign_in(request.scope, admission.user, action, user_details(admission.user))
        except PenstockError as problem:
            await self._refuse(request, problem)
            response = _failed(request, problem, page)
        else:
            response = RedirectResponse(page + _DONE, 302, headers=_HEADERS)
            value = self._handover.issue(admission.user)
            self._keep(response, _session_cookie(single_sign_on), value, seconds=HANDOVER_SECONDS, strict=True)
        if (name := single_sign_on.cookie_name(state)) in request.cookies:
            self._forget(response, name)
        return response

    async def _refuse(self, request: Request, error: PenstockError) -> None:
        """Count a sign-in that failed, and record one of somebody whom the issuer knows and the rules do not admit."""
        self._sessions.record_refusal()
        if isinstance(error, GroupDenied):
            await self._recorder.record_sign_in(request.scope, error.user)

    def _required(self) -> SingleSignOn:
        if self._single_sign_on is None:
            message = "single sign-on is not set up here; set PENSTOCK_OIDC_ISSUER, or sign in with a password"
            raise FailedPrecondition(message, reason="SINGLE_SIGN_ON_UNSUPPORTED")
        return self._single_sign_on

    def _keep(self, response: Response, name: str, value: str, *, seconds: int, strict: bool) -> None:
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            secure=self._required().options.is_secure,
            httponly=True,
            samesite="strict" if strict else "lax",
        )

    def _forget(self, response: Response, name: str) -> None:
        self._keep(response, name, "", seconds=0, strict=False)


def _session_cookie(single_sign_on: SingleSignOn) -> str:
    return f"__Host-{_SESSION_COOKIE}" if single_sign_on.options.is_secure else _SESSION_COOKIE


def _failed(request: Request, error: PenstockError, page: str) -> Response:
    """Return a browser to its page, which says it in words by the reason; a program gets the problem itself."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    return RedirectResponse(f"{page}{_FAILED}{error.reason}", 302, headers=_HEADERS)
