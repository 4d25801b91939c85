"""Devices of tables that others write are registered one by one; what passes by itself is tried again."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from feature_service.domain.ingest.existing_devices import ExistingDevice, ExistingDevices
from feature_service.domain.model.series import FieldKind, SeriesKey
from penstock_kit.errors import InvalidArgument, PenstockError, Unavailable


class Plant:
    """Three devices of a table, and the registry that takes them or does not."""

    def __init__(self, failure: PenstockError | None = None) -> None:
        self.failure = failure
        self.noted: list[str] = []
        self.reported: list[str] = []
        self.model: Any = None

    async def existing_devices(self) -> Sequence[ExistingDevice]:
        return [
            ExistingDevice(
                key=SeriesKey(tenant_id="acme", device_code=code), model_code="m", kinds={"a": FieldKind.NUMBER},
                first=1, last=2,
            )
            for code in ("d1", "d2", "d3")
        ]  # fmt: skip

    async def find_or_new(self, tenant_id: str, code: str, model_code: str) -> "Plant":
        return self

    async def register(self, tenant_id: str, target: "Plant", kinds: Any) -> None:
        pass

    async def note_rows(self, tenant_id: str, code: str, kinds: Any, *, first: int, last: int) -> None:
        if self.failure is not None and code == "d2":
            raise self.failure
        self.noted.append(code)

    def devices(self) -> ExistingDevices:
        plant = cast(Any, self)
        return ExistingDevices(
            reader=plant, targets=plant, metadata=plant, report=lambda key, _: self.reported.append(key.device_code)
        )


async def test_a_device_that_cannot_be_registered_is_reported_and_the_others_are() -> None:
    plant = Plant(InvalidArgument("no", reason="DEVICE_CODE_INVALID"))
    assert await plant.devices().register() == 3
    assert (plant.noted, plant.reported) == (["d1", "d3"], ["d2"])


async def test_a_store_that_is_away_ends_the_round_and_reports_nobody() -> None:
    plant = Plant(Unavailable("away", reason="STORAGE_UNAVAILABLE"))
    with pytest.raises(Unavailable):
        await plant.devices().register()
    assert (plant.noted, plant.reported) == (["d1"], [])
    plant.failure = None
    assert await plant.devices().register() == 3
    assert plant.noted == ["d1", "d1", "d2", "d3"]
