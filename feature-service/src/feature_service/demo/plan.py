"""What the demo consists of, and how much of it is missing (neither NumPy nor DuckDB is needed to tell)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from feature_service.domain.model.device import DataModel, Device, Field
from feature_service.domain.model.series import FieldKind
from feature_service.domain.registry.metadata_store import MetadataStore

TENANT: Final = "default"
LABEL: Final = "quality_label"
DEVICE_CODES: Final = ("WLD001", "WLD002", "WLD003", "WLD004")
_DAY: Final = 24 * 3600
_STALE: Final = 300

FIELDS: Final = (
    Field(code="current", display_name="Welding current", unit="A", description="Arc current."),
    Field(code="voltage", display_name="Arc voltage", unit="V", description="Voltage across the arc."),
    Field(code="wire_feed", display_name="Wire feed", unit="m/min", description="Speed of the welding wire."),
    Field(code="gas_flow", display_name="Gas flow", unit="L/min", description="Flow of the shielding gas."),
    Field(code="temperature", display_name="Temperature", unit="°C", description="Temperature of the torch body."),
    Field(
        code=LABEL,
        kind=FieldKind.TEXT,
        display_name="Quality",
        description="good, porosity, undercut or lack_of_fusion; empty while the machine is off.",
    ),
)
MODEL: Final = DataModel(
    code="welding_ai_model",
    name="Welding quality",
    device_type="welding_machine",
    model_type="quality",
    fields=FIELDS,
    label_field=LABEL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """The seconds since the epoch to load for each device: from, up to (exclusive)."""

    spans: Mapping[str, tuple[int, int]]


def demo_devices() -> list[Device]:
    """Return the four welding machines."""
    kinds = {field.code: field.kind for field in FIELDS}
    return [
        Device(
            code=code,
            name=f"Welding machine {number}",
            device_type=MODEL.device_type,
            model_code=MODEL.code,
            fields=kinds,
            labels={"source": "demo", "hall": "A" if number % 2 else "B"},
        )
        for number, code in enumerate(DEVICE_CODES, 1)
    ]


async def plan_demo(metadata: MetadataStore, now: int) -> DemoPlan | None:
    """Return what to load so that the demo reaches up to the whole minute before `now` (seconds since the epoch).

    The last day when the default tenant has no devices; what has passed since when it has the demo's, at most a
    day; None when it has devices of its own only, or the demo is up to date.
    """
    end = now - now % 60
    codes = await metadata.device_codes(TENANT, limit=len(DEVICE_CODES) + 1)
    if not codes:
        return DemoPlan(spans=dict.fromkeys(DEVICE_CODES, (end - _DAY, end)))
    spans = await missing_spans(metadata, end, at_least=_STALE)
    return DemoPlan(spans=spans) if spans else None


async def missing_spans(metadata: MetadataStore, end: int, *, at_least: int) -> dict[str, tuple[int, int]]:
    """Return the seconds before `end` that each of the demo's devices lacks, at most a day, where it is `at_least`."""
    spans: dict[str, tuple[int, int]] = {}
    for code in DEVICE_CODES:
        device = await metadata.device(TENANT, code)
        if device is None or device.labels.get("source") != "demo":
            continue
        seen = end - _DAY if device.last_seen is None else device.last_seen // 1_000_000 + 1
        if end - seen >= at_least:
            spans[code] = (max(seen, end - _DAY), end)
    return spans
