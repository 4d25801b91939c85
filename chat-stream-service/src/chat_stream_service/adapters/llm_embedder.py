"""Vectors of texts from llm-service."""

from typing import Final

from penstock.llm.v1 import llm_pb2, llm_pb2_grpc

from chat_stream_service.domain.memory.similarity import Embedded
from penstock_kit.clock import Clock
from penstock_kit.errors import NotFound, PenstockError
from penstock_kit.grpc import PenstockChannel

AUTOMATIC: Final = "auto"
OFF: Final = "off"
# The vectors of the offline provider know words, not meanings; full text knows them better.
_NO_MEANING: Final = "fallback"
_DIMENSIONS: Final = 256
_LOOK_AGAIN_SECONDS: Final = 600.0
_LOOK_SOON_SECONDS: Final = 30.0


class LlmEmbedder:
    """Embeds with one model: the one of the setting, or with ``auto`` the first a real provider has; see Embedder."""

    def __init__(self, channel: PenstockChannel, *, model: str, clock: Clock) -> None:
        self._stub = llm_pb2_grpc.LlmServiceStub(channel)
        self._wanted = model
        self._clock = clock
        self._found = ""
        self._look_again = 0.0

    async def embed(self, text: str) -> Embedded | None:
        """Return a text's vector, None when there is no model for it."""
        model = await self._model()
        if not model or not text.strip():
            return None
        request = llm_pb2.EmbedRequest(model=model, inputs=[text], dimensions=_DIMENSIONS)
        response: llm_pb2.EmbedResponse = await self._stub.Embed(request)
        if not response.embeddings:
            raise NotFound(f"{model} gave no vector", reason="EMBEDDING_EMPTY")
        return Embedded(vector=response.embeddings[0].values, model=model)

    def is_absent(self) -> bool:
        """Whether there is no model, as far as is known without asking."""
        if self._wanted == AUTOMATIC:
            return not self._found and self._clock.monotonic() < self._look_again
        return self._wanted == OFF

    async def _model(self) -> str:
        if self._wanted != AUTOMATIC:
            return "" if self._wanted == OFF else self._wanted
        now = self._clock.monotonic()
        if now >= self._look_again:
            self._look_again = now + _LOOK_SOON_SECONDS
            self._found = await self._look_up()
            self._look_again = now + _LOOK_AGAIN_SECONDS
        return self._found

    async def _look_up(self) -> str:
        try:
            response: llm_pb2.ListModelsResponse = await self._stub.ListModels(llm_pb2.ListModelsRequest())
        except PenstockError:
            return self._found
        able = (model for model in response.models if "embedding" in model.capabilities)
        return next((model.id for model in able if model.provider != _NO_MEANING), "")
