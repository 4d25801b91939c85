"""What every service process begins with."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from penstock_kit.bootstrap import start_runtime
from penstock_kit.errors import FailedPrecondition
from penstock_kit.grpc import open_channel
from penstock_kit.home import hold_home
from penstock_kit.settings import GrpcServiceSettings
from penstock_kit.telemetry import serve_metrics
from penstock_testkit.servers.process import free_port
from penstock_testkit.waiting import HANG_SECONDS

SECRET = "q" * 40


class EchoSettings(GrpcServiceSettings):
    """A service with a password of its own."""

    database_url: SecretStr = Field(default=SecretStr(""), alias="ECHO_DATABASE_URL")


def settings(home: Path, **fields: Any) -> EchoSettings:
    return EchoSettings(_env_file=None, home=home, **fields)  # type: ignore[call-arg]


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def scrape(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return text


@pytest.fixture(autouse=True)
def restored_logging():
    """Give the root logger its handlers back: a service takes them over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


async def test_every_secret_setting_and_the_installations_secret_are_masked(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path, database_url=SecretStr("postgresql://db/very-private"), service_secret=SecretStr(SECRET)
    )
    async with start_runtime("echo", chosen) as runtime:
        assert runtime.secret == SECRET
        assert "very-private" not in runtime.redactor.message("cannot reach postgresql://db/very-private")
        assert SECRET not in runtime.redactor.message(f"metadata {SECRET}")


async def test_a_runtime_shows_its_process_and_its_loop_on_metrics_until_the_block_ends(tmp_path: Path) -> None:
    chosen, port = settings(tmp_path), free_port()
    async with start_runtime("echo", chosen) as runtime:
        async with runtime.open_server(chosen, metrics_port=port):
            shown = await scrape(port)
        with pytest.raises(OSError, match=str(port)):
            await scrape(port)
    assert 'penstock_process_threads{service="echo"}' in shown
    assert 'event_loop_lag_worst_seconds{service="echo"}' in shown


async def test_the_server_of_a_runtime_asks_for_the_installations_secret(tmp_path: Path) -> None:
    chosen = settings(tmp_path, service_secret=SecretStr(SECRET))
    async with start_runtime("echo", chosen) as runtime, runtime.open_server(chosen, metrics_port=0) as server:
        port = await server.start(0)
        async with open_channel(f"127.0.0.1:{port}", service="echo", secret=runtime.secret) as channel:
            await asyncio.wait_for(channel.channel_ready(), HANG_SECONDS)
        assert runtime.registry.get_sample_value("penstock_process_threads", {"service": "echo"})
        await server.drain()


async def test_a_taken_metrics_port_is_named(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    async with start_runtime("echo", chosen) as runtime:
        taken = await serve_metrics(runtime.registry, "127.0.0.1", 0)
        with pytest.raises(FailedPrecondition, match=str(taken.port)):
            async with runtime.open_server(chosen, metrics_port=taken.port):
                pass
        await taken.close()


async def test_a_service_holds_its_home_and_does_not_start_while_a_restore_has_it(tmp_path: Path) -> None:
    with hold_home(tmp_path, alone=True):
        with pytest.raises(FailedPrecondition, match="a restore has") as caught:
            async with start_runtime("echo", settings(tmp_path)):
                pass
        assert caught.value.reason == "HOME_UNAVAILABLE"
        assert names(tmp_path) == []
    async with start_runtime("echo", settings(tmp_path)):
        with pytest.raises(FailedPrecondition, match="stop it first"), hold_home(tmp_path, alone=True):
            pass
    with hold_home(tmp_path, alone=True):
        pass
