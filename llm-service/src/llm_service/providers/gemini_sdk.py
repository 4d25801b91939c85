"""What goes through Google's SDK whole: embeddings and the list of models."""

import asyncio
import math
from array import array
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import aiohttp

from llm_service.domain.model.failure import FailureKind
from llm_service.domain.model.prompt_estimate import estimate_texts
from llm_service.domain.model.provider import EmbeddingRequest, Embeddings, ModelCard
from llm_service.domain.model.usage import Usage
from llm_service.providers.gemini_error import error_of
from llm_service.providers.status import error_from_vendor
from llm_service.providers.upstream import Upstream


class GeminiSdk:
    """The SDK's client, imported and made off the event loop when it is first needed."""

    def __init__(
        self, upstream: Upstream, *, key: str, base_url: str, api_version: str, headers: Mapping[str, str]
    ) -> None:
        self._upstream = upstream
        self._key = key
        self._base_url = base_url
        self._api_version = api_version
        self._headers = dict(headers)
        self._making: asyncio.Task[Any] | None = None

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return vectors of length 1: Gemini sends shortened ones as they were cut."""
        if request.token_inputs:
            message = f"{self._upstream.name} embeds texts, not token ids; send strings"
            raise self._upstream.failure(message, FailureKind.UNSUPPORTED, request.model)
        contents = [{"parts": [{"text": text}]} for text in request.inputs]
        config = {"output_dimensionality": request.dimensions} if request.dimensions else None
        client = await self._client()
        async with self._call(request.model):
            answer = await client.aio.models.embed_content(model=request.model, contents=contents, config=config)
            values = tuple(_vector(item.values) for item in answer.embeddings or ())
            counted = answer.usage_metadata.prompt_token_count if answer.usage_metadata else None
        if len(values) != request.count:
            raise self._upstream.protocol(f"sent {len(values)} vectors for {request.count} inputs", request.model)
        usage = Usage(input=counted or estimate_texts(request.inputs), estimated=not counted)
        return Embeddings(model=request.model, values=values, usage=usage, dropped_params=tuple(request.extra))

    async def list_models(self) -> Sequence[ModelCard]:
        """Return what the vendor lists."""
        client = await self._client()
        async with self._call(""):
            pages = await client.aio.models.list()
            return tuple([_card(model) async for model in pages])

    async def _client(self) -> Any:
        if self._making is None:
            self._making = asyncio.create_task(asyncio.to_thread(self._made, self._upstream.session))
        # A caller that leaves does not stop what others wait for.
        return await asyncio.shield(self._making)

    def _made(self, session: aiohttp.ClientSession) -> Any:
        from google.genai import Client, types

        options = types.HttpOptions(
            base_url=self._base_url,
            api_version=self._api_version,
            headers=self._headers,
            aiohttp_client=session,
            # Left to itself the SDK waits up to 10 s and tries again when nobody is there.
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        return Client(enterprise=False, api_key=self._key, http_options=options)

    @asynccontextmanager
    async def _call(self, model: str) -> AsyncGenerator[None]:
        """Have one of the SDK's connections, and make its errors ours."""
        from google.genai import errors

        name = self._upstream.name
        try:
            async with self._upstream.sdk_connection(model):
                yield
        except errors.APIError as error:
            told = error_of(cast(Any, error).details, error.code)
            raise error_from_vendor(told, provider=name, model=model) from error
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            message = f"{name} can't be reached: {type(error).__name__}"
            raise self._upstream.failure(message, FailureKind.CONNECT, model) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            what = f"sent an answer the SDK can't read: {type(error).__name__}"
            raise self._upstream.protocol(what, model) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._making is not None:
            client = await self._making
            await client.aio.aclose()
            client.close()


def _card(model: Any) -> ModelCard:
    embeds = "embedContent" in (model.supported_actions or ())
    return ModelCard(
        id=str(model.name).removeprefix("models/"),
        context_window=model.input_token_limit or 0,
        capabilities=("embedding",) if embeds else ("chat",),
    )


def _vector(values: Sequence[float]) -> bytes:
    length = math.sqrt(math.fsum(value * value for value in values))
    scaled = [value / length for value in values] if length else values
    return array("f", scaled).tobytes()
