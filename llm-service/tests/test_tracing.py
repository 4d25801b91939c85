"""Spans of vendor calls: where they went and with what knobs, by the conventions for generative AI."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from llm_service.adapters.tracing import TracedProvider
from llm_service.domain.model.profile import FALLBACK_PROFILE, ProviderProfile
from llm_service.domain.model.provider import EmbeddingRequest
from llm_service.domain.model.request import CompletionRequest, ResponseForm, ResponseFormat, Sampling
from llm_service.domain.model.server import Server, server_of
from llm_service.domain.model.usage import Usage
from llm_service.testing import ScriptedProvider, collected, question

SAMPLING = Sampling(
    temperature=0.2, top_p=0.5, top_k=7, max_output_tokens=100, stop=("END", "STOP"), seed=3, frequency_penalty=0.1,
    presence_penalty=0.3, n=2,
)  # fmt: skip


VENDOR = Server(host="api.vendor.example", port=8443)


class Spans:
    """A provider in spans that are kept in memory."""

    def __init__(self, server: Server | None = VENDOR) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        inner = ScriptedProvider(name="vendor", usage=Usage(input=3, output=5))
        self.provider = TracedProvider(inner, name="vendor", server=server, tracer=provider.get_tracer("test"))

    async def ask(self, asked: CompletionRequest) -> Mapping[str, Any]:
        await collected(self.provider.stream(asked))
        return self.only

    @property
    def only(self) -> Mapping[str, Any]:
        """The attributes of the one span there is."""
        [span] = self._exporter.get_finished_spans()
        return dict(span.attributes or {})


async def test_a_span_says_where_the_call_went_and_with_which_parameters() -> None:
    attributes = await Spans().ask(replace(question(model="m1"), sampling=SAMPLING))
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vendor",
        "gen_ai.request.model": "m1",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.top_k": 7,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stop_sequences": ("END", "STOP"),
        "gen_ai.request.seed": 3,
        "gen_ai.request.frequency_penalty": 0.1,
        "gen_ai.request.presence_penalty": 0.3,
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.id": "ans_1",
        "gen_ai.response.model": "m1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "api.vendor.example",
        "server.port": 8443,
    }


async def test_a_parameter_that_was_not_sent_is_not_there() -> None:
    attributes = await Spans().ask(question(model="m1"))
    named = {name for name in attributes if name.startswith("gen_ai.request.")}
    assert named == {"gen_ai.request.model"}


async def test_an_answer_in_json_says_so() -> None:
    asked = replace(question(), response_format=ResponseFormat(form=ResponseForm.JSON_OBJECT))
    assert (await Spans().ask(asked))["gen_ai.output.type"] == "json"


async def test_a_span_of_vectors_says_where_the_call_went() -> None:
    spans = Spans()
    await spans.provider.embed(EmbeddingRequest(model="e1", inputs=("a",), dimensions=64))
    assert spans.only["server.address"] == "api.vendor.example"
    assert spans.only["gen_ai.embeddings.dimension.count"] == 64


async def test_the_offline_provider_has_no_server() -> None:
    attributes = await Spans(server_of(FALLBACK_PROFILE)).ask(question())
    assert not any(name.startswith("server.") for name in attributes)


@pytest.mark.parametrize(
    ("dialect", "base_url", "server"),
    [
        ("openai", "http://127.0.0.1:11434/v1", Server(host="127.0.0.1", port=11434)),
        ("openai", "https://proxy.example/v1", Server(host="proxy.example", port=443)),
        ("anthropic", "", Server(host="api.anthropic.com", port=443)),
        ("gemini", "", Server(host="generativelanguage.googleapis.com", port=443)),
    ],
)
def test_a_vendors_server_is_that_of_its_base_url_or_its_own(dialect: str, base_url: str, server: Server) -> None:
    row = ProviderProfile(name="x", dialect=dialect, models=("m",), base_url=base_url)
    assert server_of(row) == server
