"""The threads of `asyncio.to_thread`, which tenants share: one that has long work done leaves some to others."""

import os
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from penstock_kit.context import SYSTEM, context_if_any

_OURS: Final = ""
"""Whose work it is that no tenant asked for."""
# Threads of one tenant at most: as many as asyncio has for everybody.
_SHARE: Final = min(32, (os.cpu_count() or 1) + 4)
# Tenants that can use up their shares before one has to wait. A thread starts when it is first needed.
_TENANTS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    tenant_id: str
    future: Future[Any]
    run: Callable[[], Any]


class TenantThreads(ThreadPoolExecutor):
    """At most `threads` at once, of one tenant at most `share`; of those that wait, the tenants take turns.

    Whose work it is says the context of the call in which it is handed over. As an event loop's default executor it
    serves all that is done by `asyncio.to_thread`: a tenant that has a hundred large pictures drawn waits for them
    itself, and no other one does.
    """

    def __init__(self, threads: int = _SHARE * _TENANTS, *, share: int = _SHARE) -> None:
        super().__init__(max_workers=threads, thread_name_prefix="work")
        self._free = threads
        self._share = share
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[_Work]] = OrderedDict()
        self._turns = threading.Lock()
        self._is_shut = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have ``fn(*args, **kwargs)`` done when it is the turn of the tenant whose call this is."""
        work = _Work(_tenant(), Future(), lambda: fn(*args, **kwargs))
        with self._turns:
            if self._is_shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._waiting.setdefault(work.tenant_id, deque()).append(work)
            self._start()
        work.future.add_done_callback(lambda future: self._leave(work) if future.cancelled() else None)
        return work.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work, cancel what waits for its turn, and wait for what runs."""
        with self._turns:
            self._is_shut = True
            waiting = [work for queue in self._waiting.values() for work in queue]
        for work in waiting:
            work.future.cancel()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _start(self) -> None:
        """Begin what may begin. The lock is held."""
        while self._free and (tenant_id := self._next()) is not None:
            queue = self._waiting.pop(tenant_id)
            work = queue.popleft()
            if queue:
                self._waiting[tenant_id] = queue  # behind all others that wait
            self._free -= 1
            self._held[tenant_id] += 1
            super().submit(self._run, work)

    def _next(self) -> str | None:
        return next((each for each in self._waiting if self._held[each] < self._share), None)

    def _run(self, work: _Work) -> None:
        try:
            if work.future.set_running_or_notify_cancel():
                _finish(work)
        finally:
            with self._turns:
                self._free += 1
                self._held[work.tenant_id] -= 1
                if not self._held[work.tenant_id]:
                    del self._held[work.tenant_id]
                if not self._is_shut:
                    self._start()

    def _leave(self, work: _Work) -> None:
        """Forget work whose caller has gone, with all that it would have worked on."""
        with self._turns:
            queue = self._waiting.get(work.tenant_id)
            if queue is not None and work in queue:
                queue.remove(work)
                if not queue:
                    del self._waiting[work.tenant_id]


def _finish(work: _Work) -> None:
    try:
        result = work.run()
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        work.future.set_exception(error)
    else:
        work.future.set_result(result)


def _tenant() -> str:
    context = context_if_any()
    if context is None or not context.caller.user_id or context.caller == SYSTEM:
        return _OURS
    return context.caller.tenant_id
