"""argon2id hashes of passwords, computed in a thread so that the loop goes on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final

from penstock_kit.fair_turns import FairTurns

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Counts an attempt while it is made, and may refuse it; gives what notes that it failed.
Attempt = Callable[[], AbstractAsyncContextManager[Callable[[], Awaitable[None]]]]

# The memory that OWASP asks for at twice its passes, in one lane. RFC 9106's 64 MiB would be a sixth of what the whole
# system takes, and its four lanes would take all cores from those who are in already. What was hashed with other costs
# is verified with those, and hashed anew when its owner signs in.
_MEMORY_KIB: Final = 19 * 1024
_PASSES: Final = 4
_LANES: Final = 1

# Whose turn it is when a hash is made: for people who are in already.
_OURS: Final = ""


@asynccontextmanager
async def _uncounted() -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    async def fail() -> None:
        return

    yield fail


class Passwords:
    """Hashes and verifies. A verification takes about 50 ms and 19 MiB: one runs at once.

    Whoever waits takes turns with the others by `subject`, so that a flood of wrong passwords from one place does not
    keep a right one from another waiting.
    """

    def __init__(self, *, parallel: int = 1) -> None:
        self._turns = FairTurns(parallel)
        self._hasher: PasswordHasher | None = None
        self._decoy = ""
        self._making_decoy = asyncio.Lock()

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of `password`."""
        async with self._turns.turn(_OURS, preferred=True):
            return await asyncio.to_thread(self._argon2().hash, password)

    async def verify(self, password: str, stored: str, *, attempt: Attempt = _uncounted) -> bool:
        """Whether `password` is the one behind `stored`; see :meth:`find_match`. An empty `stored` is never matched."""
        known = [stored] if stored else []
        return await self.find_match(password, known, attempt=attempt) is not None

    async def find_match(
        self,
        password: str,
        stored: Sequence[str],
        *,
        subject: str = _OURS,
        preferred: bool = True,
        attempt: Attempt = _uncounted,
    ) -> int | None:
        """Return the place of the first of `stored` that `password` is behind; without any it takes as long.

        `subject` is who waits for it, `preferred` whether before strangers. `attempt` is entered when it is
        this password's turn, and may raise; what it gives is awaited before the next one's turn: of many guesses that
        came at once, those behind the first failures are refused too.
        """
        if not stored:
            await self._make_decoy()
        async with self._turns.turn(subject, preferred=preferred), attempt() as fail:
            # One after the other, each with its memory, and all of them wherever the right one is.
            found = [await asyncio.to_thread(self._verify, password, each) for each in stored or [self._decoy]]
            if not stored or not any(found):
                await fail()
                return None
        return found.index(True)

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash of ours was made with other costs than are chosen today."""
        return self._argon2().check_needs_rehash(stored)

    async def _make_decoy(self) -> None:
        """Hash what no password is behind: once, however many ask for users that are not there."""
        async with self._making_decoy:
            self._decoy = self._decoy or await self.hash("no such user")

    def _verify(self, password: str, stored: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._argon2().verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _argon2(self) -> "PasswordHasher":
        if self._hasher is None:
            from argon2 import PasswordHasher

            self._hasher = PasswordHasher(memory_cost=_MEMORY_KIB, time_cost=_PASSES, parallelism=_LANES)
        return self._hasher
