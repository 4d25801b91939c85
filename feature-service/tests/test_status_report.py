"""How the stores of feature-service are said to be."""

import asyncio

from feature_service.domain.status import ComponentState, StatusReport
from penstock_kit.errors import Unavailable
from penstock_testkit.waiting import HANG_SECONDS


async def test_a_store_that_hangs_is_down_after_two_seconds_and_holds_up_no_other() -> None:
    async def well() -> None: ...

    async def hang() -> None:
        await asyncio.Event().wait()

    async def away() -> None:
        raise Unavailable("the database is away")

    async with asyncio.timeout(HANG_SECONDS):
        states = await StatusReport({"files": hang, "rows": well, "records": away}).components()
    assert states == [
        ComponentState(name="files", state="down", detail="no answer within 2 s"),
        ComponentState(name="rows"),
        ComponentState(name="records", state="down", detail="the database is away"),
    ]
