"""Where the names in URLs of pictures and files lead: a name of anybody's may be one of an inner address."""

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from penstock_kit.clock import Clock
from penstock_kit.context import current_context
from penstock_kit.errors import InvalidArgument, Unavailable
from penstock_kit.outbound.destinations import Destinations, resolve

# Names of one request, and of one tenant's requests that wait to be looked up.
_MOST_NAMES: Final = 64
# Looked up at once, of all tenants and of each: a resolver that hangs must leave threads for the vendors' names.
_PARALLEL: Final = 3
_PARALLEL_OF_ONE: Final = 1
_REMEMBERED: Final = 10_000
_REMEMBERED_SECONDS: Final = 60.0
_PORT: Final = 443


@dataclass(slots=True)
class _Share:
    """A tenant's look-ups: those that wait or are made, by name."""

    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PARALLEL_OF_ONE))
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])


class MediaNames:
    """Refuses names that lead to an address which `allowed` does not; what was found counts for a minute.

    A name without an address passes: behind a proxy none has one, and there is nothing that could be fetched. One that
    is not found within `seconds` does not.
    """

    def __init__(
        self,
        allowed: Destinations,
        *,
        clock: Clock,
        resolve: Callable[[str, int], Awaitable[Sequence[str]]] = resolve,
        seconds: float = 3.0,
    ) -> None:
        self._allowed = allowed
        self._clock = clock
        self._resolve = resolve
        self._seconds = seconds
        self._turn = asyncio.Semaphore(_PARALLEL)
        self._shares: dict[str, _Share] = {}
        self._inner: OrderedDict[str, tuple[float, str]] = OrderedDict()  # until when, and the refused address

    async def check(self, names: Collection[str]) -> None:
        """Raise InvalidArgument (MEDIA_URL_INVALID) for a name that leads to an inner address, and for too many names;
        Unavailable (HOST_UNAVAILABLE) for one that is not found in time.
        """
        if len(names) > _MOST_NAMES:
            raise _invalid(f"they are of {len(names)} hosts, and at most {_MOST_NAMES} are looked up for one request")
        for name in await self._look_up([name for name in names if self._known(name) is None]):
            raise Unavailable(
                f"the host {name!r} of a picture, file or recording is not found within {self._seconds:g} s; try again "
                "later, or send the content itself as a data URL",
                reason="HOST_UNAVAILABLE",
            )
        for name in names:
            if address := self._known(name):
                raise _invalid(f"{name!r} leads to {address}, which is not on the public internet")

    def _known(self, name: str) -> str | None:
        """Return the inner address that a name leads to, empty for none; None when that is not known now."""
        until, address = self._inner.get(name, (0.0, ""))
        return address if until > self._clock.monotonic() else None

    async def _look_up(self, names: Sequence[str]) -> Sequence[str]:
        """Look names up; return those that are not found in time."""
        if not names:
            return ()
        tenant = current_context().caller.tenant_id
        share = self._shares.setdefault(tenant, _Share())
        for name in names:
            if name not in share.running and len(share.running) < _MOST_NAMES:
                share.running[name] = asyncio.create_task(self._find(name, tenant, share))
        tasks = [share.running[name] for name in names if name in share.running]
        if tasks:
            await asyncio.wait(tasks, timeout=self._seconds)
        return [name for name in names if self._known(name) is None]

    async def _find(self, name: str, tenant: str, share: _Share) -> None:
        """Remember where a name leads; not ended by who asked, for the resolver's thread is busy as long."""
        try:
            async with share.turn, self._turn:
                try:
                    addresses = await self._resolve(name, _PORT)
                except Unavailable:  # there is none
                    addresses = ()
            inner = [each for each in addresses if not self._allowed.allows(ipaddress.ip_address(each))]
            self._inner[name] = (self._clock.monotonic() + _REMEMBERED_SECONDS, inner[0] if inner else "")
            self._inner.move_to_end(name)
            while len(self._inner) > _REMEMBERED:
                self._inner.popitem(last=False)
        finally:
            del share.running[name]
            if not share.running:
                self._shares.pop(tenant, None)


def _invalid(text: str) -> InvalidArgument:
    remedy = "send the content itself as a data URL, or let the operator allow the host in LLM_MEDIA_HOSTS"
    return InvalidArgument(f"the URLs of pictures, files or recordings: {text}; {remedy}", reason="MEDIA_URL_INVALID")
