"""Distributed locks with fencing tokens, after Kleppmann: the store that is protected refuses a smaller token."""

from dataclasses import dataclass
from typing import Final, Protocol

from cache_service.domain.keyed_notifier import KeyedNotifier
from cache_service.domain.limit import MAX_WAIT_SECONDS, require_positive
from cache_service.domain.signals import Signal, Signals
from penstock_kit.clock import Clock

_LOOK_AGAIN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LockGrant:
    """A lock held: `token` proves the holder, `fencing_token` grows with every holder of any lock."""

    token: str
    fencing_token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHeld:
    """Somebody else's lock, for at most `remaining` seconds more."""

    remaining: float


class LockStore(Protocol):
    """Locks by full name, atomically."""

    async def acquire(self, name: str, ttl: float) -> LockGrant | LockHeld:
        """Take the lock for `ttl` seconds, or say how long it is held."""
        ...

    async def renew(self, name: str, token: str, ttl: float) -> bool:
        """Let the holder's time be `ttl` seconds from now; False when it is no longer the holder."""
        ...

    async def release(self, name: str, token: str) -> bool:
        """Give the lock back; False when `token` is no longer the holder's."""
        ...


class Locks:
    """Locks that can be waited for."""

    def __init__(self, *, store: LockStore, clock: Clock, signals: Signals) -> None:
        self._store = store
        self._monotonic = clock.monotonic
        self._signals = signals
        self._notifier = KeyedNotifier()
        signals.listen(self._on_signal)

    async def acquire(self, name: str, *, ttl: float, wait: float) -> LockGrant | None:
        """Return the lock `name` (full) held for `ttl` seconds, or None when it stays taken for `wait` seconds.

        Waiters are served in no particular order. Raises InvalidArgument for a `ttl` that is not positive.
        """
        require_positive(ttl, "ttl", "a lock nobody gives back must end by itself")
        end = self._monotonic() + min(wait, MAX_WAIT_SECONDS)
        while True:
            match await self._store.acquire(name, ttl):
                case LockGrant() as grant:
                    return grant
                case LockHeld(remaining=remaining):
                    left = end - self._monotonic()
                    if left <= 0:
                        return None
                    # A wake-up of another replica may get lost: who waits looks again by itself.
                    await self._notifier.wait(name, min(left, remaining, _LOOK_AGAIN_SECONDS))

    async def renew(self, name: str, *, token: str, ttl: float) -> bool:
        """Extend a held lock to `ttl` seconds from now; False when it was lost."""
        require_positive(ttl, "ttl", "to give the lock back, release it")
        return await self._store.renew(name, token, ttl)

    async def release(self, name: str, *, token: str) -> bool:
        """Give a held lock back and wake who waits for it; False when it was lost before."""
        released = await self._store.release(name, token)
        if released:
            self._signals.publish(Signal(released=(name,)))
        return released

    def _on_signal(self, signal: Signal) -> None:
        if signal.reset:
            self._notifier.notify_all()
        for name in signal.released:
            self._notifier.notify(name)
