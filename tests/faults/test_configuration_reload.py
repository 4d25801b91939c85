"""The configuration file read again by a running process: on SIGHUP and when it changes; a wrong one is not taken."""

import asyncio
import signal
from pathlib import Path

import pytest
from penstock.llm.v1 import llm_pb2

from penstock_kit.errors import NotFound
from penstock_testkit.vendors.openai_server import OpenAiServer
from penstock_testkit.vendors.reply import Reply
from tests.faults.llm_in_process import ADMIN, as_caller
from tests.faults.llm_process import LlmProcess, llm_process

BROKEN = {
    "no YAML": ("providers: [{", "it is not YAML"),
    "a wrong place": ("providers: [{name: first, base_url: 7}]", "base_url"),
    "an unknown field": ("provders: []", "provders"),
}
REFUSED, READ = "configuration refused, the old one stays", '"event":"configuration read"'


def config(vendor: OpenAiServer, *names: str) -> str:
    rows = ", ".join(f'{{name: {name}, base_url: "{vendor.base_url}", models: [m]}}' for name in names)
    return f"providers: [{rows}]"


def write(llm: LlmProcess, text: str) -> None:
    llm.config_file.write_text(text)


async def configuration_error(llm: LlmProcess) -> str:
    with as_caller(ADMIN):
        return (await llm.llm.ListProviders(llm_pb2.ListProvidersRequest())).configuration_error


async def is_ok(llm: LlmProcess) -> bool:
    metrics = await asyncio.to_thread(llm.metrics)
    assert "penstock_llm_configuration_ok " in metrics
    return "penstock_llm_configuration_ok 1.0" in metrics


async def test_sighup_reads_the_file_again(tmp_path: Path) -> None:
    async with (
        OpenAiServer() as vendor,
        llm_process(tmp_path, config(vendor, "first"), LLM_CONFIG_WATCH_SECONDS=0) as llm,
    ):
        await llm.complete("first/m")
        write(llm, config(vendor, "second"))
        llm.send(signal.SIGHUP)
        await llm.logged(READ)
        assert (await llm.complete("second/m")).started.provider == "second"
        with pytest.raises(NotFound):
            await llm.complete("first/m")


@pytest.mark.parametrize(("text", "why"), BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_file_on_sighup_keeps_the_old_one_and_is_seen(tmp_path: Path, text: str, why: str) -> None:
    async with (
        OpenAiServer() as vendor,
        llm_process(tmp_path, config(vendor, "first"), LLM_CONFIG_WATCH_SECONDS=0) as llm,
    ):
        assert await is_ok(llm)
        write(llm, text)
        llm.send(signal.SIGHUP)
        await llm.logged(REFUSED)
        assert (await llm.complete("first/m")).started.provider == "first"
        assert why in await configuration_error(llm)
        assert why in llm.output()
        assert not await is_ok(llm)
        write(llm, config(vendor, "first", "second"))
        llm.send(signal.SIGHUP)
        await llm.logged(READ)
        assert (await llm.complete("second/m")).started.provider == "second"
        assert await configuration_error(llm) == ""
        assert await is_ok(llm)


async def test_a_file_that_changes_is_read_and_a_broken_one_keeps_the_old(tmp_path: Path) -> None:
    async with (
        OpenAiServer() as vendor,
        llm_process(tmp_path, config(vendor, "first"), LLM_CONFIG_WATCH_SECONDS=0.05) as llm,
    ):
        write(llm, "providers: nonsense")
        await llm.logged(REFUSED)
        assert (await llm.complete("first/m")).started.provider == "first"
        assert "providers" in await configuration_error(llm)
        assert not await is_ok(llm)
        write(llm, config(vendor, "second"))
        await llm.logged(READ)
        assert (await llm.complete("second/m")).started.provider == "second"
        assert await is_ok(llm)


async def test_a_stream_under_way_ends_with_the_provider_it_began_with(tmp_path: Path) -> None:
    async with (
        OpenAiServer() as vendor,
        llm_process(tmp_path, config(vendor, "first"), LLM_CONFIG_WATCH_SECONDS=0) as llm,
    ):
        await llm.complete("first/m")
        vendor.default = Reply(chunks=("a", "b", "c"), chunk_delay=0.3)
        streaming = asyncio.create_task(llm.stream("first/m"))
        await vendor.wait_streaming()
        write(llm, config(vendor, "second"))
        llm.send(signal.SIGHUP)
        await llm.logged(READ)
        events = await streaming
    assert "".join(event.text.text for event in events) == "abc"
    assert events[-1].finished.finish_reason == "stop"
