"""Taking points in, as writers of line protocol send them: of many devices, good ones kept, bad ones named."""

import asyncio
from typing import IO, Final

from feature_service.domain.ingest.ingestion import MAX_DEVICES
from feature_service.domain.ingest.plan import IngestPlan, IngestReport
from feature_service.domain.ingest.point_rows import DevicePoints, PointPlan, PointReading, is_all_before_1971
from feature_service.domain.ingest.point_storage import PointStorage
from feature_service.domain.ingest.precision import nanoseconds_of
from feature_service.domain.ingest.rejection import Rejections
from feature_service.domain.model.span import micros_of
from penstock_kit.clock import Clock
from penstock_kit.errors import InvalidArgument, PayloadTooLarge

DEVICE_TAGS: Final = ("device", "host")
"""Tags that name the device where the caller names none: ours, and the one that Telegraf sets."""

_GZIP: Final = b"\x1f\x8b"


class PointIngestion:
    """Stores the points of whole bodies, of at most `max_bytes`.

    The tag of the plan's device column names a point's device, which is registered, with the measurement as its type
    and model, when it is new. All good points are stored in one transaction; none of a plan for a `whole` body of which
    one is refused.
    """

    def __init__(
        self,
        *,
        storage: PointStorage,
        clock: Clock,
        max_bytes: int,
    ) -> None:
        self.storage = storage
        self._clock = clock
        self._max_bytes = max_bytes

    async def ingest(self, tenant_id: str, plan: IngestPlan, body: IO[bytes]) -> IngestReport:
        """Store the points of `body` and say which lines were refused; sending it again changes nothing.

        Raises InvalidArgument PRECISION_INVALID, BODY_INVALID, or TIME_INVALID when no unit of time was named and
        all points would be of 1970 or before; PayloadTooLarge BODY_LIMIT_EXCEEDED or DEVICES_LIMIT_EXCEEDED;
        Unprocessable FIELDS_LIMIT_EXCEEDED when it adds too many fields, or a data model would have too many.
        """
        points = PointPlan(
            device_tags=(plan.device_column,) if plan.device_column else DEVICE_TAGS,
            unit=nanoseconds_of(plan.precision),
            now=micros_of(self._clock.now()),
        )
        rejections = Rejections()
        devices = await asyncio.to_thread(self._read, body, points, rejections)
        if not plan.precision and is_all_before_1971(devices):
            raise InvalidArgument(
                "all points are of 1970 or before when their times are nanoseconds: name the unit with precision=",
                reason="TIME_INVALID",
            )
        return await self.storage.store(tenant_id, devices, rejections, whole=plan.whole)

    def _read(self, body: IO[bytes], plan: PointPlan, rejections: Rejections) -> dict[str, DevicePoints]:
        data = body.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PayloadTooLarge(
                f"a body of line protocol may have {self._max_bytes} bytes; send it in parts",
                reason="BODY_LIMIT_EXCEEDED",
            )
        if data.startswith(_GZIP):
            raise InvalidArgument("the body is gzip; say so with Content-Encoding: gzip", reason="BODY_INVALID")
        reading = PointReading(plan, rejections)
        reading.read(data.decode(errors="surrogateescape"))
        devices = reading.devices
        if len(devices) > MAX_DEVICES:
            raise PayloadTooLarge(
                f"the body has points of {len(devices)} devices, at most {MAX_DEVICES} may be in one; send it in parts",
                reason="DEVICES_LIMIT_EXCEEDED",
            )
        return devices
