"""Every bound that the OpenAPI document promises holds: the last value within it is taken, the next one is not."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from penstock_testkit.promised_bounds import PromisedBound, PromisedBounds

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT: Final = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text("utf-8"))
BOUNDS: Final = list(PromisedBounds(DOCUMENT))
# Refused within the bound for another reason, which is in the words of the answer.
OTHERWISE: Final = {
    "password": "too easy to guess", "page_token": "PAGE_TOKEN_INVALID", "last-event-id": "must be a sequence",
    "channel_ids": "there is no channel", "url": "needs the url", "q": "unknown statement",
    "idempotency-key": "IDEMPOTENCY_KEY_CONFLICT",
}  # fmt: skip


async def faults(gateway: Any, bound: PromisedBound, value: Any) -> tuple[int, list[str]]:
    """Return the status of a request that holds `value`, and what its answer finds fault with."""
    parts = bound.request(value)
    parts["headers"].update(gateway.auth())
    answer = await gateway.client.request(bound.method, bound.path, **parts)
    if answer.status_code not in {400, 422}:
        return answer.status_code, []
    told = answer.json()
    error: Any = told.get("error")
    match told:
        case {"errors": list(entries)}:
            found = [f"{entry['field']} {entry['description']}" for entry in entries]
        case {"error": {"message": message}}:
            found = [f"{error.get('param')} {message}"]
        case _:  # as InfluxDB answers
            found = [str(told)]
    return answer.status_code, found


async def test_the_committed_document_is_what_the_gateway_serves(gateway: Any) -> None:
    assert (await gateway.client.get("/openapi.json")).json() == DOCUMENT, "run `make openapi`"


async def test_the_first_value_beyond_a_promised_bound_is_refused_with_its_field(start_gateway: Any) -> None:
    gateway, taken = await start_gateway(), list[str]()
    for bound in BOUNDS:
        status, told = await faults(gateway, bound, bound.wrong)
        if status not in {400, 422} or not any(bound.name.lower() in text.lower() for text in told):
            taken.append(f"{bound}: {status} {told}")
    assert not taken, "\n".join(taken)


async def test_the_last_value_within_a_promised_bound_is_taken(start_gateway: Any) -> None:
    gateway, refused = await start_gateway(), list[str]()
    for bound in BOUNDS:
        status, told = await faults(gateway, bound, bound.right)
        if any(OTHERWISE.get(bound.name, "no other reason") not in text for text in told):
            refused.append(f"{bound}: {status} {told}")
    assert not refused, "\n".join(refused)
