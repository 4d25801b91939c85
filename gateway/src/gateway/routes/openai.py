"""The OpenAI routes that are not hot: models and embeddings."""

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Query, Request, Response
from penstock.llm.v1 import llm_pb2 as pb

from gateway.auth.guard import Guard
from gateway.auth.scope import MODELS
from gateway.dialects.anthropic.models import anthropic_model_from_proto, anthropic_page, speaks_anthropic
from gateway.dialects.openai.embedding import embed_request_from_json, embeddings_from_proto
from gateway.dialects.openai.models import find_model, model_from_proto
from gateway.http.body import parse_object
from gateway.http.json import JsonResponse
from gateway.http.timeouts import StreamTimeouts
from gateway.model_call.deadline import caller_timeout
from gateway.model_call.errors import caller_error
from gateway.model_call.headers import dropped_header
from gateway.routes.parameters import IdempotencyKey
from gateway.routes.router import add, api_router
from penstock_kit.aside import run_aside
from penstock_kit.errors import PenstockError

if TYPE_CHECKING:
    from penstock.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub


Limit = Annotated[str, Query(max_length=5, description="Models a page, of Anthropic's shape alone: 1 to 1000.")]
Cursor = Annotated[str, Query(max_length=256, description="Id of a model, of Anthropic's shape alone.")]
_VARY: Final = {"vary": "anthropic-version"}


class OpenAiRoutes:
    """``/v1/models`` and ``/v1/embeddings``."""

    def __init__(self, *, llm: "LlmServiceAsyncStub", guard: Guard, timeouts: StreamTimeouts) -> None:
        self._llm = llm
        self._seconds = timeouts.completion
        self.router = api_router("openai", guard.needs(MODELS))
        add(self.router, "GET /v1/models", self.list_models)
        add(self.router, "GET /v1/models/{model_id:path}", self.get_model)
        add(self.router, "POST /v1/embeddings", self.create_embeddings)

    async def list_models(
        self, request: Request, limit: Limit = "", after_id: Cursor = "", before_id: Cursor = ""
    ) -> Response:
        """List the models and aliases you may use; in Anthropic's shape for callers that send `anthropic-version`."""
        models = (await self._llm.ListModels(pb.ListModelsRequest())).models
        if speaks_anthropic(request.headers.raw):
            page = anthropic_page(models, limit=limit, after_id=after_id, before_id=before_id)
            return JsonResponse(page, headers=_VARY)
        return JsonResponse({"object": "list", "data": [model_from_proto(model) for model in models]}, headers=_VARY)

    async def get_model(self, request: Request, model_id: str) -> Response:
        """Read one model, by id, alias or bare name."""
        model = find_model((await self._llm.ListModels(pb.ListModelsRequest())).models, model_id)
        shown = anthropic_model_from_proto if speaks_anthropic(request.headers.raw) else model_from_proto
        return JsonResponse(shown(model), headers=_VARY)

    async def create_embeddings(self, request: Request, idempotency_key: IdempotencyKey = "") -> Response:
        """Embed texts or token ids; vectors as floats or base64."""
        body = await request.body()
        requested, encoded = await run_aside(
            len(body),
            lambda: embed_request_from_json(parse_object(body, has_token_ids=True), idempotency_key=idempotency_key),
        )
        timeout = caller_timeout(request.headers.raw) or self._seconds
        try:
            response = await self._llm.Embed(requested, timeout=timeout)
        except PenstockError as error:
            raise caller_error(error) from None
        headers = {"x-penstock-provider": response.provider} if response.provider else {}
        if response.dropped_params:
            name, value = dropped_header(response.dropped_params)
            headers[name.decode()] = value.decode()
        return JsonResponse(embeddings_from_proto(response, encoded=encoded), headers=headers)
