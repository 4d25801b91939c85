"""How much of the processor a command takes from the services that run beside it."""

import os
from typing import Final

# Of 19: any service comes first, and a machine with nothing else to do gives the command all it has.
_NICENESS: Final = 10


def yield_processor() -> None:
    """Let this process have what processors have to spare: a copy on all of them would hold up every commit."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
