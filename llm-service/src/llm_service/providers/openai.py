"""OpenAI, and everybody who speaks its dialect, through the official SDK.

The SDK makes the client: base URL, authentication and the headers OpenAI expects. It costs 0.6 ms of
CPU a request when it also builds and parses each one, more than everything else in this service
together, so completions take the SDK's headers and send and parse by themselves on aiohttp (the
transport the SDK recommends); models and embeddings go through the SDK whole.
"""

import base64
import binascii
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
import openai
import orjson

from llm_service.domain.completion import Completion
from llm_service.domain.event import Event, Started
from llm_service.domain.failure import FailureKind, ProviderError
from llm_service.domain.profile import ProviderProfile
from llm_service.domain.provider import Embedding, EventBatch, ModelCard, Provider, Vectors
from llm_service.providers.openai_chunk import ChunkReader, Json, error_message, reported, usage_of
from llm_service.providers.openai_request import body_of
from llm_service.providers.registry import Parts
from llm_service.providers.sse import EventTooLongError, SseReader
from llm_service.providers.status import error_from_status
from penstock_kit.clock import Clock

if TYPE_CHECKING:
    from openai.types import CreateEmbeddingResponse

_DONE: Final = b"[DONE]"
_MAX_ANSWER: Final = 32 * 1024 * 1024
_CONNECTIONS: Final = 1000
_NOT_OURS: Final = frozenset({"content-length", "host", "transfer-encoding", "accept-encoding"})


def build(profile: ProviderProfile, parts: Parts) -> Provider:
    """Return a provider that speaks the dialect as `profile` says."""
    return OpenAiProvider(profile, clock=parts.clock, new_id=parts.new_id, connect_timeout=parts.connect_timeout)


class OpenAiProvider:
    """One configured provider that speaks the dialect. `connect_timeout` is in seconds."""

    def __init__(
        self, profile: ProviderProfile, *, clock: Clock, new_id: Callable[[str], str], connect_timeout: float
    ) -> None:
        self._profile = profile
        self._clock = clock
        self._new_id = new_id
        self._sdk = openai.AsyncOpenAI(
            api_key=profile.keys[0] if profile.keys else "none",
            base_url=profile.base_url,
            default_headers=dict(profile.headers),
            http_client=openai.DefaultAioHttpClient(follow_redirects=False),
            max_retries=0,
        )
        self._url = f"{str(self._sdk.base_url).rstrip('/')}/chat/completions"
        self._headers = _headers(self._sdk)
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, request: Completion) -> AsyncGenerator[EventBatch]:
        """Yield the answer, each upstream read as one batch."""
        body, dropped = body_of(request, self._profile.quirks)
        async with self._sent(body) as response:
            if response.status >= 300:
                raise await self._refused(response, request.model)
            kind = response.content_type
            if kind == "text/event-stream":
                batches = self._streamed(response, request, dropped)
            elif kind == "application/json":
                batches = self._whole(response, request, dropped)
            else:
                raise self._protocol(f"answered {kind!r} instead of JSON or an event stream", request.model)
            async for batch in batches:
                yield batch

    @asynccontextmanager
    async def _sent(self, body: dict[str, Any]) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Send the request; the connection is closed unless the answer was read to its end."""
        model = str(body["model"])
        try:
            async with self._http().post(
                self._url, data=orjson.dumps(body), headers=self._headers, allow_redirects=False
            ) as response:
                try:
                    yield response
                finally:
                    if not response.content.at_eof():
                        response.close()
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError, aiohttp.InvalidURL) as error:
            message = f"{self._profile.name} can't be reached: {type(error).__name__}"
            raise self._failure(message, FailureKind.CONNECT, model) from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionError) as error:
            raise self._failure(f"{self._profile.name} cut the connection", FailureKind.CUT, model) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise self._protocol(f"sent no valid HTTP: {type(error).__name__}", model) from error

    def _http(self) -> aiohttp.ClientSession:
        """The connections, opened on first use because they belong to the event loop.

        There is no limit in time but on connecting: how long to wait for an answer is the wrappers' business.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _streamed(
        self, response: aiohttp.ClientResponse, request: Completion, dropped: tuple[str, ...]
    ) -> AsyncGenerator[EventBatch]:
        lines, reader, started = SseReader(), ChunkReader(), False
        done = False
        while not done:
            received = await response.content.readany()
            batch: list[Event] = []
            for data in self._split(lines, received, request.model):
                if data == _DONE:
                    done = True
                    break
                chunk = self._decoded(data, request.model)
                if not started:
                    batch.append(self._started(chunk, request, dropped))
                    started = True
                batch += self._read(reader, chunk, request.model)
            done = done or not received
            if done:
                batch += self._end(reader, request.model)
            if batch:
                yield batch

    def _split(self, lines: SseReader, received: bytes, model: str) -> Sequence[bytes]:
        try:
            return list(lines.feed(received) if received else lines.end())
        except EventTooLongError as error:
            raise self._protocol(str(error), model) from error

    def _end(self, reader: ChunkReader, model: str) -> list[Event]:
        """The last events; a stream without a finish reason was cut, however politely."""
        if finished := reader.finished:
            return [finished]
        raise self._failure(f"{self._profile.name} ended its answer without a finish reason", FailureKind.CUT, model)

    async def _whole(
        self, response: aiohttp.ClientResponse, request: Completion, dropped: tuple[str, ...]
    ) -> AsyncGenerator[EventBatch]:
        answer = self._decoded(await self._body(response, request.model), request.model)
        reader = ChunkReader()
        events = [self._started(answer, request, dropped), *self._read(reader, answer, request.model)]
        yield [*events, *self._end(reader, request.model)]

    async def _body(self, response: aiohttp.ClientResponse, model: str) -> bytes:
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > _MAX_ANSWER:
                raise self._protocol(f"sent more than {_MAX_ANSWER} bytes", model)
        return b"".join(pieces)

    def _decoded(self, data: bytes, model: str) -> Json:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise self._protocol("sent something that is not JSON", model) from error
        if not isinstance(chunk, dict):
            raise self._protocol("sent JSON that is not an object", model)
        answer = cast(Json, chunk)
        if answer.get("error"):
            message, _ = error_message(answer)
            raise self._failure(f"{self._profile.name} failed: {message}", FailureKind.SERVER, model)
        return answer

    def _read(self, reader: ChunkReader, chunk: Json, model: str) -> list[Event]:
        try:
            return list(reader.events(chunk))
        except (AttributeError, TypeError, ValueError, KeyError) as error:
            raise self._protocol("sent JSON of another shape than the dialect has", model) from error

    def _started(self, chunk: Json, request: Completion, dropped: tuple[str, ...]) -> Started:
        said = reported(chunk)
        created = datetime.fromtimestamp(said.created, UTC) if said.created else self._clock.now()
        return Started(
            id=said.id or self._new_id("ans"),
            provider=self._profile.name,
            model=said.model or request.model,
            create_time=created,
            dropped_params=dropped,
        )

    async def _refused(self, response: aiohttp.ClientResponse, model: str) -> ProviderError:
        body = await self._body(response, model)
        try:
            decoded: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            decoded = ""
        message, code = error_message(decoded)
        return error_from_status(
            response.status,
            provider=self._profile.name,
            model=model,
            message=message,
            code=code,
            retry_after=response.headers.get("retry-after-ms") or response.headers.get("retry-after") or "",
            in_milliseconds="retry-after-ms" in response.headers,
        )

    async def embed(self, request: Embedding) -> Vectors:
        """Return vectors through the SDK, asked for in base64 and passed on as they are."""
        inputs: Any = list(request.inputs) or [list(tokens) for tokens in request.token_inputs]
        optional: dict[str, Any] = {"dimensions": request.dimensions} if request.dimensions else {}
        async with self._sdk_errors(request.model):
            answer = await self._sdk.embeddings.create(
                model=request.model, input=inputs, encoding_format="base64", **optional
            )
        return self._vectors(answer, request)

    def _vectors(self, answer: "CreateEmbeddingResponse", request: Embedding) -> Vectors:
        values = tuple(_vector(item.embedding) for item in sorted(answer.data, key=lambda item: item.index))
        if len(values) != request.count:
            raise self._protocol(f"sent {len(values)} vectors for {request.count} inputs", request.model)
        return Vectors(
            model=answer.model or request.model,
            values=values,
            usage=usage_of({"prompt_tokens": answer.usage.prompt_tokens}),
        )

    async def list_models(self) -> Sequence[ModelCard]:
        """Return what the vendor lists, through the SDK."""
        async with self._sdk_errors(""):
            page = await self._sdk.models.list()
        return tuple(ModelCard(id=model.id, created=model.created or 0) for model in page.data)

    @asynccontextmanager
    async def _sdk_errors(self, model: str) -> AsyncGenerator[None]:
        name = self._profile.name
        try:
            yield
        except openai.APIStatusError as error:
            message, code = error_message(error.body)
            raise error_from_status(
                error.status_code,
                provider=name,
                model=model,
                message=message,
                code=code,
                retry_after=error.response.headers.get("retry-after", ""),
            ) from error
        except openai.APIConnectionError as error:
            # The SDK calls a refused connection a timeout; its cause tells them apart.
            refused = not isinstance(error, openai.APITimeoutError) or "Connect" in type(error.__cause__).__name__
            kind = FailureKind.CONNECT if refused else FailureKind.TIMEOUT
            raise self._failure(f"{name} can't be reached: {kind.value}", kind, model) from error
        except (openai.OpenAIError, binascii.Error, ValueError) as error:
            raise self._protocol(f"sent an answer the SDK can't read: {type(error).__name__}", model) from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
        await self._sdk.close()

    def _protocol(self, what: str, model: str) -> ProviderError:
        return self._failure(f"{self._profile.name} {what}", FailureKind.PROTOCOL, model)

    def _failure(self, message: str, failure: FailureKind, model: str) -> ProviderError:
        return ProviderError(message, provider=self._profile.name, failure=failure, model=model)


def _headers(sdk: openai.AsyncOpenAI) -> dict[str, str]:
    """The headers the SDK sends with every request, without those that depend on the body."""
    given = {**sdk.default_headers, **sdk.auth_headers}
    headers = {name: value for name, value in given.items() if isinstance(value, str)}
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_OURS}


def _vector(embedding: object) -> bytes:
    if isinstance(embedding, str):
        return base64.b64decode(embedding, validate=True)
    return array("f", cast(list[float], embedding)).tobytes()
