"""The OpenAI routes that are not hot: models and embeddings."""

from typing import TYPE_CHECKING

from fastapi import Response
from penstock.llm.v1 import llm_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.json import JsonResponse
from gateway.openai.models import model_from_proto
from gateway.routes.router import add, api_router
from penstock_kit.errors import NotFound

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub


class OpenAiRoutes:
    """``/v1/models`` and ``/v1/embeddings``."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard) -> None:
        self._llm = llm
        self.router = api_router("openai", guard.needs(MODELS))
        add(self.router, "GET /v1/models", self.list_models)
        add(self.router, "GET /v1/models/{model_id:path}", self.get_model)

    async def list_models(self) -> Response:
        """List the models you may use, by `provider/model`."""
        response = await self._llm.ListModels(pb.ListModelsRequest())
        return JsonResponse({"object": "list", "data": [model_from_proto(model) for model in response.models]})

    async def get_model(self, model_id: str) -> Response:
        """Read one model, by id or alias."""
        response = await self._llm.ListModels(pb.ListModelsRequest())
        for model in response.models:
            if model_id == model.id or model_id in model.aliases:
                return JsonResponse(model_from_proto(model))
        message = f"there is no model {model_id!r}; GET /v1/models lists those you may use"
        raise NotFound(message, reason="MODEL_NOT_FOUND")
