"""One frame a second for all who look on: computed once for each view, however many share it."""

import asyncio
from collections import Counter
from typing import Final

from gateway.http.json import encode
from gateway.monitoring.dashboard import Dashboard, View
from penstock_kit.errors import ResourceExhausted

_MOST_VIEWERS: Final = 500
# Of these, what one tenant's viewers may take: the rest is for others and for the operator.
_MOST_OF_A_TENANT: Final = 100


class FrameBroadcast:
    """Keeps the newest frame of each view that somebody looks at. Whoever is slow misses frames and gets the newest."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._viewers: Counter[View] = Counter()
        self._frames: dict[View, str] = {}
        self._next = asyncio.Event()
        self.computed = 0

    def join(self, view: View) -> None:
        """Count a viewer in; raise ResourceExhausted (VIEWER_LIMIT_EXCEEDED) when there are too many."""
        if self._viewers.total() >= _MOST_VIEWERS:
            message = f"{_MOST_VIEWERS} dashboards are open at this gateway; close one or try again later"
            raise ResourceExhausted(message, reason="VIEWER_LIMIT_EXCEEDED")
        if view.tenant_id is not None and self._viewers[view] >= _MOST_OF_A_TENANT:
            message = f"{_MOST_OF_A_TENANT} dashboards of your tenant are open at this gateway; close one"
            raise ResourceExhausted(message, reason="VIEWER_LIMIT_EXCEEDED")
        self._viewers[view] += 1

    def leave(self, view: View) -> None:
        """Count a viewer out."""
        self._viewers[view] -= 1
        if not self._viewers[view]:
            del self._viewers[view]
            self._frames.pop(view, None)

    def current(self, view: View) -> str:
        """Return the newest frame of a view, computed now when there is none yet."""
        frame = self._frames.get(view)
        return self._compute(view) if frame is None else frame

    async def following(self, view: View) -> str:
        """Wait for the next frame and return it."""
        await self._next.wait()
        return self.current(view)

    def publish(self) -> None:
        """Compute the frames of this second and wake all who wait for one."""
        for view in self._viewers:
            self._compute(view)
        waking, self._next = self._next, asyncio.Event()
        waking.set()

    def _compute(self, view: View) -> str:
        self.computed += 1
        frame = encode(self._dashboard.realtime(view)).decode()
        if view in self._viewers:
            self._frames[view] = frame
        return frame
