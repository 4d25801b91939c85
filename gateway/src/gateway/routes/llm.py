"""Questions to llm-service beside completions: parsing a prompt, explaining a route."""

from typing import TYPE_CHECKING

from fastapi import Depends, Response
from penstock.llm.v1 import llm_pb2 as pb
from pydantic import Field

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS, OPERATOR
from gateway.convert.protobuf import build_message
from gateway.convert.provider import explanation_from_proto, query_from_proto
from gateway.convert.scalar import Moment, time_to_proto
from gateway.http.json import JsonResponse
from gateway.routes.parameters import IdempotencyKey
from gateway.routes.router import add, api_router
from gateway.routes.strict import RequestModel
from penstock_kit.errors import FailedPrecondition

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub


class ParseRequest(RequestModel):
    """A question about devices in words."""

    prompt: str = Field(min_length=1, max_length=20_000)
    known_devices: list[str] = Field(default_factory=list, max_length=10_000)
    known_fields: list[str] = Field(default_factory=list, max_length=10_000)
    now: Moment | None = Field(default=None, description="What `now` means in the prompt; the server's clock.")
    time_zone: str = Field(default="", max_length=64, description="IANA zone for `today`; empty: UTC.")
    model: str = Field(default="", max_length=200)


class ModelRoutes:
    """The routes below ``/api/v1/llm``."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard) -> None:
        self._llm = llm
        self.router = api_router("llm", guard.needs(MODELS))
        add(self.router, "POST /api/v1/llm/parse", self.parse_prompt)
        add(self.router, "GET /api/v1/llm/route", self.explain_route)
        operator = [Depends(guard.needs(OPERATOR))]
        add(self.router, "POST /api/v1/llm/reload", self.reload_configuration, dependencies=operator)

    async def parse_prompt(self, body: ParseRequest, idempotency_key: IdempotencyKey = "") -> Response:
        """Turn a question into a structured query, by a model or by rules."""
        fields = body.model_dump(exclude={"now"})
        request = build_message(
            pb.ParsePromptRequest, **fields, now=time_to_proto(body.now), idempotency_key=idempotency_key
        )
        return JsonResponse(query_from_proto(await self._llm.ParsePrompt(request)))

    async def explain_route(self, model: str = "", policy: str = "") -> Response:
        """Say where a request for `model` would go now, and why."""
        response = await self._llm.ExplainRoute(pb.ExplainRouteRequest(model=model, policy=policy))
        return JsonResponse(explanation_from_proto(response))

    async def reload_configuration(self) -> Response:
        """Read the file of providers and aliases again. One that is wrong is refused, and the old one stays.
        For operators."""
        response = await self._llm.ReloadConfiguration(pb.ReloadConfigurationRequest())
        if not response.applied:
            message = f"the configuration was not taken, the old one stays in force: {response.error}"
            raise FailedPrecondition(message, reason="CONFIGURATION_INVALID")
        return JsonResponse({"applied": True})
