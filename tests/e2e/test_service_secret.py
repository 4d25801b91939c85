"""Nobody but the installation's own processes is believed by the services behind the gateway."""

import socket
import stat

import grpc
import grpc.aio
import httpx
import pytest
from penstock.cache.v1 import cache_pb2, cache_pb2_grpc
from penstock.chat.v1 import chat_pb2, chat_pb2_grpc
from penstock.feature.v1 import feature_pb2, feature_pb2_grpc
from penstock.llm.v1 import cost_pb2, cost_pb2_grpc, llm_pb2, llm_pb2_grpc

from penstock_kit.context import CallContext, Caller, use_context
from penstock_kit.grpc import open_channel
from penstock_testkit.system import RunningSystem

SPOOFED = (("x-penstock-tenant", "default"), ("x-penstock-scopes", "admin"))


def target(system: RunningSystem, service: str) -> str:
    return f"127.0.0.1:{system.ports[f'{service}_SERVICE_PORT']}"


async def test_a_spoofed_user_reads_no_conversation_of_another(system: RunningSystem, http: httpx.AsyncClient) -> None:
    owner = (await http.get("/api/v1/users")).raise_for_status().json()["users"][0]["id"]
    conversation = (await http.post("/api/v1/conversations", json={})).raise_for_status().json()["id"]
    request = chat_pb2.GetConversationRequest(id=conversation)
    async with grpc.aio.insecure_channel(target(system, "CHAT_STREAM")) as channel:
        stub = chat_pb2_grpc.ConversationServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetConversation(request, metadata=(("x-penstock-user", owner), *SPOOFED))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    secret = (system.home / "service.secret").read_text().strip()
    async with open_channel(target(system, "CHAT_STREAM"), service="chat", secret=secret) as channel:
        with use_context(CallContext("req_1", Caller(user_id=owner))):
            assert (
                await chat_pb2_grpc.ConversationServiceStub(channel).GetConversation(request)
            ).conversation.id == conversation


@pytest.mark.parametrize("metadata", [(), (("x-penstock-user", "x"), *SPOOFED)], ids=["anonymous", "spoofed admin"])
async def test_no_service_answers_a_stranger(system: RunningSystem, metadata: tuple[tuple[str, str], ...]) -> None:
    price = cost_pb2.PutPriceRequest(price=cost_pb2.Price(provider="zz", model="m", input="1", output="1"))
    asked = {
        "CACHE": lambda c: cache_pb2_grpc.CacheServiceStub(c).GetStats(cache_pb2.GetStatsRequest(), metadata=metadata),
        "FEATURE": lambda c: feature_pb2_grpc.MetadataServiceStub(c).ListDevices(
            feature_pb2.ListDevicesRequest(), metadata=metadata
        ),
        "LLM": lambda c: cost_pb2_grpc.CostServiceStub(c).PutPrice(price, metadata=metadata),
        "CHAT_STREAM": lambda c: chat_pb2_grpc.EngineServiceStub(c).ListEngines(
            chat_pb2.ListEnginesRequest(), metadata=metadata
        ),
    }
    for service, ask in asked.items():
        async with grpc.aio.insecure_channel(target(system, service)) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(channel)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED, service


async def test_a_streamed_answer_without_the_secret_is_refused(system: RunningSystem) -> None:
    async with grpc.aio.insecure_channel(target(system, "LLM")) as channel:
        call = llm_pb2_grpc.LlmServiceStub(channel).StreamComplete(llm_pb2.StreamCompleteRequest(), metadata=SPOOFED)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_secret_is_its_owners_alone_and_stands_in_no_log(system: RunningSystem) -> None:
    file = system.home / "service.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() not in system.output()


def test_the_services_listen_on_loopback_alone(system: RunningSystem) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    inner = [port for name, port in system.ports.items() if name != "PENSTOCK_HTTP_PORT"]
    for address in addresses - {"127.0.0.1"}:
        for port in inner:
            with pytest.raises(OSError, match="refused"), socket.create_connection((address, port), timeout=2):
                pass
