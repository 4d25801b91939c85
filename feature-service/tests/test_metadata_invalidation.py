"""What a change of a device or data model drops of the shared cache, and what it leaves there."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from feature_service.adapters.metadata.invalidating_store import InvalidatingMetadataStore
from feature_service.domain.registry.metadata_store import DeviceFilter, ModelFilter
from penstock_kit.errors import Unavailable

DEVICES, MODELS = ("devices", "t"), ("models", "t")
Change = Callable[[InvalidatingMetadataStore], Awaitable[Any]]


class Store:
    """Answers every call with `answer` or `error`, and remembers it."""

    def __init__(self, answer: Any = None, error: Exception | None = None) -> None:
        self.answer, self.error = answer, error
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append((name, arguments, named))
            if self.error is not None:
                raise self.error
            return self.answer

        return call


class Catalogue:
    """Remembers what was dropped."""

    def __init__(self) -> None:
        self.dropped: list[tuple[str, str]] = []

    async def drop_devices(self, tenant_id: str) -> None:
        self.dropped.append(("devices", tenant_id))

    async def drop_models(self, tenant_id: str) -> None:
        self.dropped.append(("models", tenant_id))


ITEM: Any = object()
CHANGES: dict[str, tuple[Change, tuple[str, str]]] = {
    "add_device": (lambda store: store.add_device("t", ITEM), DEVICES),
    "add_devices": (lambda store: store.add_devices("t", [ITEM]), DEVICES),
    "change_device": (lambda store: store.change_device("t", ITEM), DEVICES),
    "remove_device": (lambda store: store.remove_device("t", "d"), DEVICES),
    "add_model": (lambda store: store.add_model("t", ITEM), MODELS),
    "change_model": (lambda store: store.change_model("t", ITEM), MODELS),
    "remove_model": (lambda store: store.remove_model("t", "m"), MODELS),
}
NOTES: dict[str, tuple[Change, tuple[str, str]]] = {
    "note_rows": (lambda store: store.note_rows("t", "d", {}, first=1, last=2), DEVICES),
    "note_all_rows": (lambda store: store.note_all_rows("t", [ITEM]), DEVICES),
    "extend_model": (lambda store: store.extend_model("t", "m", [ITEM], updated=3), MODELS),
}
READS: dict[str, Change] = {
    "device": lambda store: store.device("t", "d"),
    "devices": lambda store: store.devices("t", DeviceFilter(), after="a", limit=2),
    "device_codes": lambda store: store.device_codes("t", model_code="m", limit=3),
    "seen_times": lambda store: store.seen_times("t", ["d"]),
    "model": lambda store: store.model("t", "m"),
    "models": lambda store: store.models("t", ModelFilter(), after="a", limit=2),
    "model_codes": lambda store: store.model_codes("t", limit=3),
    "tenants": lambda store: store.tenants(),
}


def stores(answer: Any = None, error: Exception | None = None) -> tuple[InvalidatingMetadataStore, Store, Catalogue]:
    inner, catalogue = Store(answer, error), Catalogue()
    return InvalidatingMetadataStore(cast("Any", inner), cast("Any", catalogue)), inner, catalogue


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("error", [None, Unavailable("its answer was lost", reason="DATABASE_UNAVAILABLE")])
async def test_a_change_drops_what_it_touches_of_its_tenant_also_when_nobody_knows_whether_it_was_made(
    name: str, error: Exception | None
) -> None:
    change, dropped = CHANGES[name]
    store, inner, catalogue = stores(True, error)
    if error is None:
        answer = await change(store)
        assert answer is (True if name.startswith("remove") else None)
    else:
        with pytest.raises(Unavailable, match="its answer was lost"):
            await change(store)
    assert [call for call, _, _ in inner.calls] == [name]
    assert inner.calls[0][1][0] == "t"
    assert catalogue.dropped == [dropped]


@pytest.mark.parametrize("name", NOTES)
@pytest.mark.parametrize("is_new", [True, False])
async def test_rows_and_fields_drop_what_they_touch_only_where_there_was_something_new(name: str, is_new: bool) -> None:
    change, dropped = NOTES[name]
    store, inner, catalogue = stores(is_new)
    assert await change(store) is is_new
    assert [call for call, _, _ in inner.calls] == [name]
    assert catalogue.dropped == ([dropped] if is_new else [])


@pytest.mark.parametrize("name", READS)
async def test_a_question_goes_to_the_store_itself_as_it_is_and_drops_nothing(name: str) -> None:
    store, inner, catalogue = stores(ITEM)
    assert await READS[name](store) is ITEM
    ((call, arguments, named),) = inner.calls
    assert call == name
    wanted: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
        "device": (("t", "d"), {}),
        "devices": (("t", DeviceFilter()), {"after": "a", "limit": 2}),
        "device_codes": (("t",), {"model_code": "m", "limit": 3}),
        "seen_times": (("t", ["d"]), {}),
        "model": (("t", "m"), {}),
        "models": (("t", ModelFilter()), {"after": "a", "limit": 2}),
        "model_codes": (("t",), {"limit": 3}),
        "tenants": ((), {}),
    }
    assert (arguments, named) == wanted[name]
    assert catalogue.dropped == []


async def test_a_store_that_does_not_answer_says_so() -> None:
    store, inner, _ = stores(error=Unavailable("away", reason="DATABASE_UNAVAILABLE"))
    with pytest.raises(Unavailable, match="away"):
        await store.ping()
    assert [call for call, _, _ in inner.calls] == ["ping"]
