"""Loading the demo into the stores."""

import asyncio

from feature_service.demo.plan import DEVICE_CODES, MODEL, TENANT, DemoPlan, demo_devices
from feature_service.domain.model.series import SeriesKey
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.domain.registry.metadata_store import MetadataStore
from feature_service.domain.telemetry.store import TelemetryStore
from penstock_kit.errors import NotFound


async def register_demo(registry: DeviceRegistry) -> None:
    """Create the demo's data model and devices, as far as they are not there."""
    try:
        await registry.model(TENANT, MODEL.code)
    except NotFound:
        await registry.add_model(TENANT, MODEL)
    for device in demo_devices():
        try:
            await registry.device(TENANT, device.code)
        except NotFound:
            await registry.add_device(TENANT, device)


async def load_demo(plan: DemoPlan, *, metadata: MetadataStore, telemetry: TelemetryStore) -> int:
    """Write the planned readings of each device; return how many rows that were."""
    from feature_service.demo.welding_shop import shop_frame

    rows = 0
    for code, (start, end) in plan.spans.items():
        frame = await asyncio.to_thread(shop_frame, DEVICE_CODES.index(code) + 1, start, end)
        if len(frame) == 0:
            continue
        await telemetry.append(SeriesKey(tenant_id=TENANT, device_code=code), frame)
        first, last = frame.timestamps[[0, -1]].astype("int64").tolist()
        await metadata.note_rows(TENANT, code, {}, first=first, last=last)
        rows += len(frame)
    return rows
