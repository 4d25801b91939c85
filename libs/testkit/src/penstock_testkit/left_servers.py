# pyright: reportUnknownMemberType=false
"""Servers that a test leaves: a pytest plugin that ends them with the test, and fails the test that did it.

A gRPC server that still runs when its event loop has ended complains when it is collected: under another test, which
fails for it. So each is ended before its loop is. A test that failed before it came to end its server has failed
already; one that passed and left a server fails here. What a fixture of more than one test starts is the fixture's.

Whatever else a failed test held (sockets, clients, coroutines) is collected with it, unheard: no other fails for it.
"""

import asyncio
import gc
import sys
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pytest
from grpc.aio import _server as grpc_server

from penstock_testkit.waiting import HANG_SECONDS

# What a server was started in that is not a test: nothing runs, or a fixture that several tests share.
_NO_TEST: Final = ""


@dataclass(slots=True, kw_only=True, eq=False)
class _Started:
    """A server that was started, the test that did, and what ends it with its event loop."""

    server: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    test: str
    ending: AsyncGenerator[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        server = self.server()
        return server is not None and server._server.is_running()


class LeftServers:
    """Knows which gRPC servers run and for which test, and ends those that it left."""

    def __init__(self) -> None:
        self._started: list[_Started] = []
        self._test = _NO_TEST
        self._sharing = 0
        self._failed = False
        self._left = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Count no server to the test that a fixture of a module or of all tests starts."""
        shared = fixturedef.scope != "function"
        self._sharing += shared
        try:
            return (yield)
        finally:
            self._sharing -= shared

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Count what is started from now on to this test."""
        self._test, self._failed, self._left = item.nodeid, False, 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take note that the test has failed."""
        report = yield
        self._failed |= report.failed
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """End what the test left, when its fixtures have ended; fail it if it passed so far."""
        try:
            result = yield
        finally:
            self._end_those_of_the_test()
            if self._failed:
                _collect_unheard()
        if self._left and not self._failed:
            pytest.fail(
                f"it left {self._left} gRPC server(s) running, which would fail another test: end what it starts, "
                "`await server.drain()` or `stop()`, in a `finally` or in its fixture",
                pytrace=False,
            )
        return result

    def note(self, server: Any) -> _Started:
        """Take note of a server that has been started."""
        test = _NO_TEST if self._sharing else self._test
        started = _Started(server=weakref.ref(server), loop=asyncio.get_running_loop(), test=test)
        self._started.append(started)
        return started

    async def end_with_loop(self, started: _Started) -> AsyncGenerator[None]:
        """End the server when the loop ends: each loop closes the asynchronous generators that were begun in it."""
        try:
            yield
        finally:
            if started.runs:
                await self._end(started)

    async def _end(self, started: _Started) -> None:
        self._left += started.test == self._test != _NO_TEST
        server = started.server()
        # A loop that ends has cancelled the server's own task, and the first attempt is told so.
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(server.stop(0), HANG_SECONDS)

    def _end_those_of_the_test(self) -> None:
        for started in self._started:
            if started.test == self._test and started.runs and not started.loop.is_closed():
                started.loop.run_until_complete(self._end(started))
        self._started = [started for started in self._started if started.runs]
        self._test = _NO_TEST


def _collect_unheard() -> None:
    """Let go of what the frames of a failed test hold, and hear no complaint that it was not closed."""
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            delattr(sys, name)
    heard, sys.unraisablehook = sys.unraisablehook, _hear_nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    finally:
        sys.unraisablehook = heard


def _hear_nothing(unraisable: object) -> None:
    """Stand in for what tells of complaints while objects are collected."""


def pytest_configure(config: pytest.Config) -> None:
    """Look after all servers from now on."""
    servers, served = LeftServers(), grpc_server.Server
    start = served.start

    async def start_and_note(self: grpc_server.Server) -> None:
        await start(self)
        started = servers.note(self)
        started.ending = servers.end_with_loop(started)
        await anext(started.ending)

    served.start = start_and_note
    config.add_cleanup(lambda: setattr(served, "start", start))
    config.pluginmanager.register(servers, "left_servers")
