"""Work that is admitted is counted until it ends, however it ends; what is refused is not counted."""

from typing import Any

import pytest

from gateway.middleware.concurrency_limiter import ConcurrencyLimiter
from gateway.middleware.overload import LimitedWork, Overload, WorkAdmission

LIMITER_SECONDS = 0.1


def admission() -> WorkAdmission:
    work = LimitedWork(prefix="/v1/", service="llm-service", limiter=ConcurrencyLimiter(LIMITER_SECONDS))
    return WorkAdmission((work,), tenant_of=lambda headers: "acme" if headers else "")


def scope(path: str = "/v1/messages", kind: str = "http") -> dict[str, Any]:
    return {"type": kind, "method": "POST", "path": path, "headers": [(b"x-api-key", b"k")]}


async def nothing(*_: Any) -> Any:
    return None


@pytest.mark.parametrize("failure", [None, RuntimeError("a bug")], ids=["done", "failed"])
async def test_work_is_counted_while_it_is_done_and_no_longer(failure: Exception | None) -> None:
    chosen = admission()
    work = chosen.work_of("POST", "/v1/messages")
    assert work is not None
    seen: list[int] = []

    async def app(*_: Any) -> None:
        seen.append(work.limiter.in_flight)
        if failure is not None:
            raise failure

    for _ in range(3):
        if failure is None:
            await Overload(app, chosen)(scope(), nothing, nothing)
        else:
            with pytest.raises(RuntimeError, match="a bug"):
                await Overload(app, chosen)(scope(), nothing, nothing)
    assert (seen, work.limiter.in_flight) == ([1, 1, 1], 0)


async def test_what_is_no_work_is_not_counted() -> None:
    chosen = admission()
    work = chosen.work_of("POST", "/v1/messages")
    assert work is not None
    seen: list[int] = []

    async def app(*_: Any) -> None:
        seen.append(work.limiter.in_flight)

    for asked in (scope("/api/v2/auth/login"), {**scope(), "type": "websocket"}):
        await Overload(app, chosen)(asked, nothing, nothing)
    assert seen == [0, 0]
