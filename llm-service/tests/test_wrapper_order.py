"""The wrappers of a completion, as README.md draws them and as they are put together."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import llm_service
from llm_service.composition.configuration import open_configuration
from llm_service.composition.services import build_services
from llm_service.composition.stores import open_stores
from llm_service.main import MIGRATIONS
from llm_service.settings import LlmSettings
from llm_service.testing import collected, question, text_of
from penstock_kit.clock import SystemClock
from penstock_kit.grpc import open_channel
from penstock_kit.redaction import Redactor
from penstock_kit.telemetry import configure_tracing
from penstock_testkit.databases import lay_out
from penstock_testkit.vendors.openai_server import OpenAiServer

PACKAGE = Path(llm_service.__file__).parent
# What a wrapper is entered by.
ENTRANCES = {"stream", "stream_over", "reserve"}
README = Path(__file__).parents[1] / "README.md"


@contextmanager
def first_entered() -> Iterator[list[str]]:
    """The files of this service in the order in which a call first enters a function of each."""
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE) and frame.f_code.co_name in ENTRANCES:
            entered.setdefault(str(path.relative_to(PACKAGE)))

    files: list[str] = []
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(before)
        files.extend(entered)


def drawn() -> list[str]:
    """The paths of the drawing, from outside in; the dialect is a folder."""
    drawing = README.read_text().partition("## What a completion passes through")[2].split("```")[1]
    return re.findall(r"^ *\w[\w ]*? +([a-z_]+/(?:\w+\.py)?) ", drawing, re.MULTILINE)


async def test_a_completion_passes_through_the_wrappers_in_the_order_that_is_drawn(
    vendor: OpenAiServer, tmp_path: Path
) -> None:
    settings = LlmSettings(
        _env_file=None,  # type: ignore[call-arg]
        PENSTOCK_HOME=tmp_path,
        OPENAI_BASE_URL=vendor.base_url,
        OPENAI_API_KEY="sk-test-0001-abcd",
        OPENAI_MODELS="m1",
    )
    live = open_configuration(settings, Redactor())
    clock = SystemClock()
    await lay_out(settings.database, MIGRATIONS)
    async with (
        open_stores(settings, clock) as stores,
        open_channel("127.0.0.1:1", service="cache-service") as cache_channel,
        stores.run(),
    ):
        services = build_services(
            settings,
            stores,
            live,
            ledger=stores.ledger,
            cache_channel=cache_channel,
            clock=clock,
            tracing=configure_tracing("llm-service", ""),
        )
        await services.spending.refresh()
        with first_entered() as files:
            events = await collected(services.completions.stream(question(model="openai/m1")))
        await services.selection.registry.close()
    assert text_of(events)
    order = [name if name.startswith("providers/") else name.removeprefix("domain/") for name in files]
    assert len(drawn()) == 9
    assert [next((step for step in drawn() if name.startswith(step)), name) for name in order] == drawn()
