"""The workers of one machine as one of them sees them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway.workers.generation import Generation
from gateway.workers.presence import Presence
from penstock_kit.ids import new_id

_LISTENING: Final = ".listening"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGroup:
    """This worker's `slot` (1, 2, …), the `folder` that all share, who lives, and the number of identity changes."""

    slot: int
    folder: Path
    presence: Presence
    generation: Generation

    @classmethod
    def join(cls, folder: Path, slot: int) -> Self:
        """Become one of the workers that share `folder`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(slot=slot, folder=folder, presence=Presence(folder, new_id("gw")), generation=Generation(folder))

    @property
    def name(self) -> str:
        """The name of the group, another one with each start of the system."""
        return f"gw_{self.folder.name}"

    def mark_listening(self, process_id: int) -> None:
        """Tell the supervisor that this worker takes connections."""
        for known in self.folder.glob(f"*{_LISTENING}"):
            if not _runs(int(known.name.removesuffix(_LISTENING))):
                known.unlink(missing_ok=True)
        (self.folder / f"{process_id}{_LISTENING}").touch(mode=0o600)


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
