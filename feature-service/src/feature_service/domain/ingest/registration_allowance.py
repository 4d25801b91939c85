"""How many new devices may be registered by those who can name any: so many at once, and as many an hour."""

from collections.abc import Callable
from typing import Final

_HOUR: Final = 3600.0


class RegistrationAllowance:
    """Grants new devices, `per_hour` at most at once and `per_hour` in every hour; 0: none.

    A device that was granted and asks again, because its rows could not be stored, takes nothing more.
    """

    def __init__(self, per_hour: int, monotonic: Callable[[], float]) -> None:
        self._per_hour = per_hour
        self._monotonic = monotonic
        self._left = float(per_hour)
        self._counted = monotonic()
        self._granted: dict[str, None] = {}

    @property
    def refusal(self) -> str:
        """What a refused row is told."""
        if not self._per_hour:
            return "the device is not known, and MQTT registers none (MQTT_NEW_DEVICES_PER_HOUR is 0)"
        return (
            f"the device is not known, and {self._per_hour} were registered by MQTT within an hour "
            "(MQTT_NEW_DEVICES_PER_HOUR)"
        )

    def grant(self, code: str) -> bool:
        """Return whether the new device `code` may be registered now, and count it when it may."""
        if code in self._granted:
            return True
        now = self._monotonic()
        self._left = min(self._per_hour, self._left + (now - self._counted) * self._per_hour / _HOUR)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        self._granted[code] = None
        if len(self._granted) > self._per_hour:
            del self._granted[next(iter(self._granted))]
        return True
