"""Every field of every request of the service: at its bound it is taken, beyond it refused by its name."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from google.protobuf.duration_pb2 import Duration
from penstock.cache.v1 import cache_pb2 as pb

from cache_service.domain.limit import MAX_LIFE_SECONDS, MAX_VALUE_BYTES
from penstock_kit.context import CallContext, Caller, use_context
from penstock_testkit.request_sweep import RequestSweep, bounds

OPERATOR: Final = Caller(user_id="u", tenant_id="t", scopes=frozenset({"admin", "operator"}))


def seconds(number: float) -> Duration:
    return Duration(seconds=int(number))


MINUTE: Final = seconds(60)
LIFE: Final = (seconds(MAX_LIFE_SECONDS), seconds(MAX_LIFE_SECONDS + 1))
NOTHING: Final = Duration()
KEY: Final = ("k" * 512, "k" * 513)
EMPTY: Final = ("k", "")
ENTRY: Final = pb.Entry(key="k", value=b"v", ttl=MINUTE, tags=["t"])

RIGHTS: Final = {
    "Get": pb.GetRequest(key="k"),
    "Set": pb.SetRequest(entry=pb.Entry(key="k", value=b"v", tags=["t"])),
    "Delete": pb.DeleteRequest(keys=["k"]),
    "GetMany": pb.GetManyRequest(keys=["k"]),
    "SetMany": pb.SetManyRequest(entries=[ENTRY]),
    "Invalidate": pb.InvalidateRequest(prefix="p", tag="t"),
    "WatchInvalidations": pb.WatchInvalidationsRequest(prefix="p"),
    "AcquireLease": pb.AcquireLeaseRequest(key="lease", lease=seconds(1)),
    "Increment": pb.IncrementRequest(key="c", delta=0, ttl=MINUTE),
    "TakeRateLimit": pb.TakeRateLimitRequest(key="r", limit=10, window=MINUTE),
    "AcquireLock": pb.AcquireLockRequest(name="n", ttl=seconds(1)),
    "RenewLock": pb.RenewLockRequest(name="n", token="t", ttl=seconds(1)),
    "ReleaseLock": pb.ReleaseLockRequest(name="n", token="t"),
    "PutSession": pb.PutSessionRequest(session=pb.Session(id="s", user_id="u", data={"a": b"b"}), ttl=MINUTE),
    "GetSession": pb.GetSessionRequest(id="s"),
    "DeleteSession": pb.DeleteSessionRequest(id="s2"),
    "SemanticLookup": pb.SemanticLookupRequest(
        partition_key="p", text="how are you", embedding=[1.0, 0.0], embedder="e/m"
    ),
    "SemanticStore": pb.SemanticStoreRequest(
        partition_key="p",
        text="how are you",
        embedding=[1.0, 0.0],
        embedder="e/m",
        value=b"v",
        answer=pb.SemanticAnswer(finish_reason="stop", text="fine"),
    ),
    "SemanticPurge": pb.SemanticPurgeRequest(id="x"),
    "ListSemanticHits": pb.ListSemanticHitsRequest(),
    "GetSemanticStats": pb.GetSemanticStatsRequest(),
}

BOUNDS: Final = [
    *bounds("Get", key=KEY),
    *bounds("Get", key=EMPTY),
    *bounds(
        "Set", entry__key=KEY, entry__ttl=LIFE, entry__value=(b"v" * MAX_VALUE_BYTES, b"v" * (MAX_VALUE_BYTES + 1))
    ),
    *bounds("Set", entry__tags=(["t"] * 16, ["t"] * 17), entry__ttl_class=("catalogue", "catalog")),
    *bounds("Set", entry__ttl=(NOTHING, seconds(-1))),
    *bounds("SetMany", entries=([ENTRY] * 1_000, [ENTRY] * 1_001)),
    *bounds("Delete", keys=(["k"] * 1_000, ["k"] * 1_001)),
    *bounds("GetMany", keys=(["k"] * 1_000, ["k"] * 1_001)),
    *bounds("GetMany", keys=(["k" * 512], ["k" * 513])),
    *bounds("Invalidate", prefix=KEY, tag=KEY),
    *bounds("WatchInvalidations", prefix=KEY),
    *bounds("AcquireLease", key=KEY, lease=(seconds(1), NOTHING), wait=(NOTHING, seconds(-1))),
    *bounds("Increment", key=KEY, ttl=LIFE),
    *bounds("TakeRateLimit", key=KEY, cost=(10, 11), limit=(1, 0), window=LIFE),
    *bounds("TakeRateLimit", cost=(0, -1), correction=(5_256_000 * 100, 2**63 - 1)),
    *bounds("AcquireLock", name=KEY, ttl=LIFE, wait=(NOTHING, LIFE[1])),
    *bounds("AcquireLock", ttl=(seconds(1), NOTHING)),
    *bounds("RenewLock", name=KEY, ttl=LIFE),
    *bounds("ReleaseLock", name=KEY),
    *bounds("PutSession", session__id=("s" * 512, "s" * 513), ttl=LIFE),
    *bounds("GetSession", id=("s" * 512, "s" * 513), extend=LIFE),
    *bounds("DeleteSession", id=("x" * 512, "x" * 513)),
    *bounds("SemanticLookup", partition_key=("p", ""), text=("t" * 8192, "t" * 8193), threshold=(1.0, 1.1)),
    *bounds("SemanticLookup", embedding=([1.0] * 4096, [1.0] * 4097)),
    *bounds("SemanticStore", partition_key=("p", ""), text=("t" * 8192, "t" * 8193), embedding=([1.0], [float("nan")])),
    *bounds("SemanticStore", ttl=LIFE),
    *bounds("ListSemanticHits", page_size=(200, -1), page_token=("", "x")),
]

_COMPARED: Final = "compared with what is there, and kept nowhere"
_OWN: Final = "the caller's own text, in the bounds of a message"
_JUDGED: Final = "whatever is not as the rules want it is not stored, and that is told"
FREE: Final = {
    "SetRequest.lease_token": _COMPARED,
    "SetRequest.generation": _COMPARED,
    "RenewLockRequest.token": _COMPARED,
    "ReleaseLockRequest.token": _COMPARED,
    "IncrementRequest.delta": "any step, up or down; the sum has its bound, which test_store_contracts.py holds",
    "Session.user_id": _OWN,
    "Session.data": "each value as large as a cached one",
    "Session.create_time": "output only",
    "Session.expire_time": "output only",
    "SemanticLookupRequest.embedder": _COMPARED,
    "SemanticStoreRequest.embedder": _OWN,
    "SemanticStoreRequest.value": "one that is too large is not stored, and that is told",
    "SemanticAnswer.finish_reason": _JUDGED,
    "SemanticAnswer.tool_calls": _JUDGED,
    "SemanticAnswer.temperature": _JUDGED,
    "SemanticAnswer.text": _OWN,
    "SemanticAnswer.model": _OWN,
    "SemanticPurgeRequest.id": _COMPARED,
    "SemanticPurgeRequest.prefix": _COMPARED,
    "SemanticPurgeRequest.tenant_id": _COMPARED,
    "ListSemanticHitsRequest.tenant_id": _COMPARED,
}
SAID: Final = {"name": "lock name", "id": "session id", "entry": "key", "entries": "key", "limit": "rate"}


@pytest.fixture
def sweep(served: Any) -> Iterator[RequestSweep]:
    with use_context(CallContext(request_id="r", caller=OPERATOR)):
        yield RequestSweep(
            service=pb.DESCRIPTOR.services_by_name["CacheService"],
            stub=served.stub,
            rights=RIGHTS,
            free=FREE,
            said=SAID,
            endless=("WatchInvalidations",),
        )


async def test_no_edge_of_a_field_is_an_error_of_the_service(sweep: RequestSweep) -> None:
    assert await sweep.faults() == []


async def test_each_bound_holds_and_is_named(sweep: RequestSweep) -> None:
    assert await sweep.bound_faults(BOUNDS) == []


async def test_every_field_has_a_bound_or_a_reason(sweep: RequestSweep) -> None:
    assert sweep.missing_methods() == ["Warmup"]  # which is refused, whatever it says
    assert sweep.unknown_fields(BOUNDS) == []
