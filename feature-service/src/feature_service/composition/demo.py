"""The demo welding shop as the settings want it: loaded at the start, and going on while the service runs."""

import time

from feature_service.adapters.demo_process import DemoProcess
from feature_service.composition.stores import Stores
from feature_service.demo.live import LiveDemo
from feature_service.demo.load import register_demo
from feature_service.demo.plan import plan_demo
from feature_service.domain.registry.device_registry import DeviceRegistry
from feature_service.settings import FeatureSettings
from penstock_kit.clock import Clock
from penstock_kit.logging import get_logger

log = get_logger(__name__)


class Demo:
    """Starts and stops what loads the demo: `process` once at the start, the live readings from then on."""

    def __init__(self, settings: FeatureSettings, stores: Stores, clock: Clock, process: DemoProcess) -> None:
        self._wanted = settings.demo_data
        self._metadata = stores.metadata
        self._process = process
        self._live = LiveDemo(
            metadata=stores.metadata,
            telemetry=stores.telemetry,
            clock=clock,
            is_open=lambda: stores.telemetry.is_open,
            loaded=process.wait,
        )
        self.before_reading = self._live.catch_up if self._goes_on(settings) else None

    async def start(self, registry: DeviceRegistry, *, database_is_there: bool) -> None:
        """Register and load what the demo lacks, and begin its live readings, as far as the settings want them."""
        if not self._wanted:
            return
        if not database_is_there:
            log.warning("demo data are not loaded: the database is not there; the next start loads them")
            return
        if await plan_demo(self._metadata, int(time.time())) is not None:
            await register_demo(registry)
            await self._process.start()
        if self.before_reading is not None:
            self._live.start()

    async def stop(self) -> None:
        """End both."""
        await self._live.stop()
        await self._process.stop()

    @staticmethod
    def _goes_on(settings: FeatureSettings) -> bool:
        return settings.demo_data and settings.demo_live
