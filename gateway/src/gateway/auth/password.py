"""argon2id hashes of passwords, computed in a thread so that the loop goes on."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

Check = Callable[[], None]


class Passwords:
    """Hashes and verifies. A verification takes about 50 ms and 64 MiB: at most two run at once."""

    def __init__(self, *, parallel: int = 2) -> None:
        self._turns = asyncio.Semaphore(parallel)
        self._hasher: PasswordHasher | None = None
        self._decoy = ""

    async def hash(self, password: str) -> str:
        """Return the argon2id hash of `password`."""
        async with self._turns:
            return await asyncio.to_thread(self._argon2().hash, password)

    async def verify(self, password: str, stored: str, *, check: Check | None = None) -> bool:
        """Whether `password` is the one behind `stored`; an empty `stored` takes as long and is False.

        `check` is called when it is this password's turn, and may raise: of many guesses that came at once, those
        behind the first failures are refused too.
        """
        if not stored:
            self._decoy = self._decoy or await self.hash("no such user")
        async with self._turns:
            if check is not None:
                check()
            known = await asyncio.to_thread(self._verify, password, stored or self._decoy)
        return known and bool(stored)

    def _verify(self, password: str, stored: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return self._argon2().verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _argon2(self) -> "PasswordHasher":
        if self._hasher is None:
            from argon2 import PasswordHasher

            self._hasher = PasswordHasher()
        return self._hasher
