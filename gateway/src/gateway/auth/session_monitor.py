"""Ends what outlives its request when the credentials behind it end: sockets, and whatever else joins."""

import asyncio
import contextvars
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from gateway.auth.identity import ApiKey, User
from gateway.auth.revalidation import revalidate
from gateway.auth.store import IdentityStore
from penstock_kit.clock import Clock
from penstock_kit.context import Caller
from penstock_kit.errors import PenstockError
from penstock_kit.logging import get_logger
from penstock_kit.role import includes
from penstock_kit.supervision import supervise

_EVERY_SECONDS: Final = 2.0
# Ids in one statement.
_BATCH: Final = 500

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class MonitoredSession:
    """Something open in the name of `caller`, which needs `scope`; `ended` once the credentials did."""

    caller: Caller
    scope: str
    on_end: Callable[[], object]
    ended: bool = False


class SessionMonitor:
    """Looks the users, keys and sessions behind everything that is open up again every `every` seconds, all in one go.

    The store is asked once for each of them however much they have open, and only while something is. While it
    is away nothing is ended.
    """

    def __init__(self, *, store: IdentityStore, clock: Clock, every: float = _EVERY_SECONDS) -> None:
        self._store = store
        self._clock = clock
        self._every = every
        self._watched: set[MonitoredSession] = set()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, caller: Caller, scope: str, on_end: Callable[[], object]) -> Generator[MonitoredSession]:
        """Call `on_end` once, inside the block, when `caller` would no longer be admitted with `scope`."""
        watched = MonitoredSession(caller=caller, scope=scope, on_end=on_end)
        self._watched.add(watched)
        if self._task is None or self._task.done():
            # Not in the context of the request that happened to be first.
            self._task = asyncio.create_task(supervise("open sessions", self._run), context=contextvars.Context())
        try:
            yield watched
        finally:
            self._watched.discard(watched)
            if not self._watched:
                self._task.cancel()

    async def check(self) -> None:
        """Look everybody up and end what is to end; raise Unavailable while the store is away."""
        open_now = tuple(self._watched)
        users = {user.id: user for user in await self._users({entry.caller.user_id for entry in open_now})}
        keys = {key.id: key for key in await self._keys({entry.caller.key_id for entry in open_now} - {""})}
        sessions = await self._sessions({entry.caller.session_id for entry in open_now} - {""})
        now = self._clock.now()
        for entry in open_now:
            caller = entry.caller
            user, key = users.get(caller.user_id), keys.get(caller.key_id)
            found = revalidate(caller, user=user, key=key, sessions=sessions, now=now)
            if (found is None or not includes(found.scopes, entry.scope)) and not entry.ended:
                entry.ended = True
                entry.on_end()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.check()
            except PenstockError as error:
                log.warning("open sessions are not looked up", reason=error.reason, detail=error.message)

    async def _users(self, ids: set[str]) -> Sequence[User]:
        return [user for some in _batches(ids) for user in await self._store.users_by_id(some)]

    async def _sessions(self, ids: set[str]) -> Collection[str]:
        return {session for some in _batches(ids) for session in await self._store.sessions_by_id(some)}

    async def _keys(self, ids: set[str]) -> Sequence[ApiKey]:
        return [key for some in _batches(ids) for key in await self._store.keys_by_id(some)]


def _batches(ids: set[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(ids)
    return (ordered[at : at + _BATCH] for at in range(0, len(ordered), _BATCH))
