"""The client: one object with everything the API does."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

from penstock_client import settings
from penstock_client._async.conversations import AsyncConversations
from penstock_client._async.operations import (
    AsyncAccountOperations,
    AsyncAlarmsOperations,
    AsyncAlertsOperations,
    AsyncBudgetsOperations,
    AsyncCacheOperations,
    AsyncChannelsOperations,
    AsyncClientsOperations,
    AsyncCostsOperations,
    AsyncDashboardOperations,
    AsyncDataModelsOperations,
    AsyncDevicesOperations,
    AsyncEmbeddingsOperations,
    AsyncEnginesOperations,
    AsyncKeysOperations,
    AsyncLlmOperations,
    AsyncModelsOperations,
    AsyncMonitoringOperations,
    AsyncNotificationsOperations,
    AsyncPersonalitiesOperations,
    AsyncPricesOperations,
    AsyncStreamsOperations,
    AsyncTemplatesOperations,
    AsyncUsersOperations,
)
from penstock_client._async.telemetry import AsyncData, AsyncDatasets, AsyncFeatures
from penstock_client._async.transport import AsyncTransport
from penstock_client._call import Call
from penstock_client._endpoints import is_loopback


class AsyncPenstock:
    """A gateway of Penstock, or several that are equal.

        async with AsyncPenstock("http://127.0.0.1:8000", api_key="psk_…") as penstock:
            answer = await penstock.conversations.ask_once("How hot is WLD001?")
            print(answer.content)

    `base_url` is one address or a list, in order of preference (default: PENSTOCK_URL, which may hold several with
    commas between, else http://127.0.0.1:8000). Credentials are `api_key` (default: PENSTOCK_API_KEY), or a name and a
    password, which are signed in with and kept signed in, in `tenant` where users of many tenants have the name
    (TenantRequiredError says when). `timeout` is in seconds for one attempt, `max_retries` how
    often a call that may be repeated is tried again. Proxies of the environment are used unless `trust_env` is False,
    never for a gateway on this machine.
    """

    def __init__(
        self,
        base_url: str | Sequence[str] | None = None,
        *,
        api_key: str | None = None,
        username: str = "",
        password: str = "",
        tenant: str = "",
        timeout: float = 30.0,
        max_retries: int = 3,
        trust_env: bool = True,
    ) -> None:
        urls = settings.gateway_urls(base_url)
        transport = AsyncTransport(
            urls,
            api_key=settings.api_key(api_key),
            username=username,
            password=password,
            tenant=tenant,
            timeout=timeout,
            max_retries=max_retries,
            trust_env=trust_env and not all(is_loopback(url) for url in urls),
        )
        self._transport = transport
        self.account = AsyncAccountOperations(transport)
        self.alarms = AsyncAlarmsOperations(transport)
        self.alerts = AsyncAlertsOperations(transport)
        self.budgets = AsyncBudgetsOperations(transport)
        self.cache = AsyncCacheOperations(transport)
        self.channels = AsyncChannelsOperations(transport)
        self.clients = AsyncClientsOperations(transport)
        self.conversations = AsyncConversations(transport)
        self.costs = AsyncCostsOperations(transport)
        self.dashboard = AsyncDashboardOperations(transport)
        self.data = AsyncData(transport)
        self.data_models = AsyncDataModelsOperations(transport)
        self.datasets = AsyncDatasets(transport)
        self.devices = AsyncDevicesOperations(transport)
        self.embeddings = AsyncEmbeddingsOperations(transport)
        self.engines = AsyncEnginesOperations(transport)
        self.features = AsyncFeatures(transport)
        self.keys = AsyncKeysOperations(transport)
        self.llm = AsyncLlmOperations(transport)
        self.models = AsyncModelsOperations(transport)
        self.monitoring = AsyncMonitoringOperations(transport)
        self.notifications = AsyncNotificationsOperations(transport)
        self.personalities = AsyncPersonalitiesOperations(transport)
        self.prices = AsyncPricesOperations(transport)
        self.streams = AsyncStreamsOperations(transport)
        self.templates = AsyncTemplatesOperations(transport)
        self.users = AsyncUsersOperations(transport)

    async def __aenter__(self) -> "AsyncPenstock":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def request(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, query: dict[str, Any] | None = None
    ) -> Any:
        """Call any route and return its JSON: for what has no method here."""
        return await self._transport.call(Call(method=method, path=path, body=body, query=query or {}))

    async def ready(self) -> dict[str, Any]:
        """Return what ``/ready`` says. Raises ServerError while the gateway is not ready."""
        return await self._transport.call(Call(method="GET", path="/ready", authenticated=False))
