"""What a connection lets an application do besides sending: write a piece of a stream at once."""

from collections.abc import Callable
from typing import Final

# Where the scope of a request has its WriteNow; a server that is not ours gives none.
WRITE_NOW: Final = "penstock.write_now"
# Writes a piece of a body that has begun and returns True; False, and nothing is written, when it has to be sent. An
# empty piece asks whether one could be written.
WriteNow = Callable[[bytes], bool]
