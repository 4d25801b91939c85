"""``Idempotency-Key`` on what creates something: the same key and request of one caller make one thing."""

import hashlib
import inspect
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response

from gateway.auth.kept_answers import REPLAYED_HEADER, Claim, KeptAnswer, KeptAnswers
from gateway.routes.parameters import IdempotencyKey
from penstock_kit.context import current_context
from penstock_kit.errors import PenstockError, Unavailable
from penstock_kit.logging import get_logger

_KEY: Final = "idempotency_key"
_REQUEST: Final = "http_request"

log = get_logger(__name__)


def once(endpoint: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """Return `endpoint` heeding the Idempotency-Key of a request: it is called once, and all get that answer.

    The key is the caller's: of another tenant, user or API key it is another one. What failed is tried again.
    """
    signature = inspect.signature(endpoint)
    takes_key = _KEY in signature.parameters
    added = [inspect.Parameter(_REQUEST, inspect.Parameter.KEYWORD_ONLY, annotation=Request)]
    if not takes_key:
        added.append(inspect.Parameter(_KEY, inspect.Parameter.KEYWORD_ONLY, default="", annotation=IdempotencyKey))

    @wraps(endpoint)
    async def answer(**given: Any) -> Response:
        request: Request = given.pop(_REQUEST)
        key: str = given[_KEY] if takes_key else given.pop(_KEY)
        if not key:
            return await endpoint(**given)
        return await _answer_once(request, key, partial(endpoint, **given))

    described: Any = answer
    described.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *added])
    return described


async def _answer_once(request: Request, key: str, make: Callable[[], Awaitable[Response]]) -> Response:
    answers: KeptAnswers = request.app.state.kept_answers
    name, fingerprint = _name(key), await _fingerprint(request)
    try:
        claim = await answers.settled(name, fingerprint)
    except Unavailable as error:
        log.warning("an idempotency key can't be claimed, its request is carried out", detail=error.message)
        return await make()
    if claim.answer is None:
        try:
            return await _make(answers, name, claim, make)
        finally:
            answers.end(name)
    headers = {REPLAYED_HEADER: "true"}
    return Response(claim.answer.body, claim.answer.status, headers, media_type="application/json")


async def _make(answers: KeptAnswers, name: str, claim: Claim, make: Callable[[], Awaitable[Response]]) -> Response:
    try:
        response = await make()
    except Exception:
        await _unless_away(answers.release(name, claim))
        raise
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        await _unless_away(answers.release(name, claim))
    else:
        kept = KeptAnswer(status=response.status_code, body=bytes(response.body))
        await _unless_away(answers.keep(name, claim, kept))
    return response


async def _unless_away(noting: Awaitable[None]) -> None:
    """Note what came of a claim: what was made is answered even where that can't be."""
    try:
        await noting
    except PenstockError as error:
        log.warning("an idempotency key stays claimed until its lease ends", detail=error.message)


def _name(key: str) -> str:
    """Return the caller and its key as a name that shows neither."""
    caller = current_context().caller
    return _digest("\0".join((caller.tenant_id, caller.user_id, caller.key_id, key)).encode())


async def _fingerprint(request: Request) -> str:
    """Return what is the same for the same request."""
    asked = f"{request.method} {request.url.path}?{request.url.query}\0".encode()
    return _digest(asked + await request.body())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
