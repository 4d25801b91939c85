"""The OpenAI routes that are not hot: models and embeddings."""

from typing import TYPE_CHECKING, Any, Final

from fastapi import Request, Response
from penstock.llm.v1 import llm_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.body import parse_object
from gateway.json import JsonResponse
from gateway.openai.deadline import caller_timeout
from gateway.openai.embedding import embed_request_from_json, embeddings_from_proto
from gateway.openai.failure import blamed_on_us
from gateway.openai.models import model_from_proto
from gateway.routes.page import IdempotencyKey
from gateway.routes.router import add, api_router
from gateway.streaming.times import StreamTimes
from penstock_kit.errors import NotFound, PenstockError

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub


_EMBEDDINGS: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["input"],
                    "properties": {
                        "input": {"description": "A string, strings, token ids, or lists of token ids."},
                        "model": {"type": "string"},
                        "encoding_format": {"type": "string", "enum": ["float", "base64"]},
                        "dimensions": {"type": "integer"},
                    },
                }
            }
        },
    }
}


class OpenAiRoutes:
    """``/v1/models`` and ``/v1/embeddings``."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard, times: StreamTimes) -> None:
        self._llm = llm
        self._seconds = times.completion
        self.router = api_router("openai", guard.needs(MODELS))
        add(self.router, "GET /v1/models", self.list_models)
        add(self.router, "GET /v1/models/{model_id:path}", self.get_model)
        add(self.router, "POST /v1/embeddings", self.create_embeddings, openapi_extra=_EMBEDDINGS)

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

    async def create_embeddings(self, request: Request, idempotency_key: IdempotencyKey = "") -> Response:
        """Embed texts or token ids; vectors as floats or base64."""
        body = parse_object(await request.body())
        asked, encoded = embed_request_from_json(body, idempotency_key=idempotency_key)
        timeout = caller_timeout(request.headers.raw) or self._seconds
        try:
            response = await self._llm.Embed(asked, timeout=timeout)
        except PenstockError as error:
            raise blamed_on_us(error) from None
        headers = {"x-penstock-provider": response.provider} if response.provider else {}
        return JsonResponse(embeddings_from_proto(response, encoded=encoded), headers=headers)
