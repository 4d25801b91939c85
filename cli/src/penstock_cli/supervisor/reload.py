"""``penstock reload``: replace the gateways one after the other, without refusing anybody."""

import os
import signal
import sys
import time
from typing import Final

from penstock_cli.failure import CommandFailed
from penstock_cli.settings import CliSettings
from penstock_cli.supervisor.state import Home, SuiteState

_POLL_SECONDS: Final = 0.05
# For a gateway to start and for its predecessor to have ended, beside the grace time.
_START_SECONDS: Final = 60.0
_REPLACED: Final = "(replaced"


def reload(settings: CliSettings) -> int:
    """Ask the supervisor of this home to replace its gateways; return when the last predecessor has ended."""
    home = Home(settings.home)
    state = home.read_state()
    if state is None or not state.supervisor.alive:
        raise CommandFailed(f"Penstock does not run on {settings.home}")
    before = _workers(state)
    if len(before) < 2:
        raise CommandFailed("one gateway can't be replaced while it serves; start with PENSTOCK_WORKERS=2 or more")
    os.kill(state.supervisor.pid, signal.SIGUSR1)
    end = time.monotonic() + len(before) * (_START_SECONDS + settings.grace_seconds)
    while not _is_over(home.read_state(), before):
        if time.monotonic() > end or not state.supervisor.alive:
            raise CommandFailed(f"the gateways of {settings.home} were not all replaced; their log says why")
        time.sleep(_POLL_SECONDS)
    sys.stdout.write(f"{len(before)} gateways on {settings.home} were replaced\n")
    return 0


def _workers(state: SuiteState) -> dict[str, int]:
    """Return the process ids of the gateways that share a port, by name."""
    return {
        name: service.process.pid
        for name, service in state.services.items()
        if name.startswith("gateway-") and _REPLACED not in name and service.process is not None
    }


def _is_over(state: SuiteState | None, before: dict[str, int]) -> bool:
    if state is None or any(_REPLACED in name for name in state.services):
        return False
    now = _workers(state)
    return now.keys() == before.keys() and all(now[name] != pid for name, pid in before.items())
