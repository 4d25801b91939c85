"""What chat-stream-service serves over gRPC."""

import psutil
from penstock.chat.v1 import chat_pb2_grpc
from penstock.common.v1 import warmup_pb2_grpc

from chat_stream_service.composition.services import Services
from chat_stream_service.edge.client_servicer import ClientServicer
from chat_stream_service.edge.conversation_servicer import ConversationServicer
from chat_stream_service.edge.engine_servicer import EngineServicer
from chat_stream_service.edge.servicer import StreamServicer
from chat_stream_service.edge.tool_servicer import ToolServicer
from penstock_kit.cache.warmup import WarmupServicer
from penstock_kit.clock import Clock
from penstock_kit.grpc import GrpcServer
from penstock_kit.ids import new_id


def add_servicers(server: GrpcServer, services: Services, clock: Clock) -> None:
    """Serve the services on `server`."""
    process = psutil.Process()
    server.report_delay(lambda: services.pending_writes.delay)
    streams = StreamServicer(
        streams=services.streams,
        readers=services.readers,
        event_log=services.event_log,
        statistics=services.statistics,
        components=services.components,
        rss_bytes=lambda: process.memory_info().rss,
    )
    engines = EngineServicer(
        engines=services.engines,
        current_engine=services.current_engine,
        personalities=services.personalities,
        templates=services.templates,
        clock=clock,
        new_id=new_id,
    )
    clients = ClientServicer(services.clients, services.readers, clock)
    server.add(chat_pb2_grpc.add_StreamServiceServicer_to_server, streams)
    server.add(chat_pb2_grpc.add_ConversationServiceServicer_to_server, ConversationServicer(services.conversations))
    server.add(chat_pb2_grpc.add_EngineServiceServicer_to_server, engines)
    server.add(warmup_pb2_grpc.add_WarmupServiceServicer_to_server, WarmupServicer(services.warmup))
    server.add(chat_pb2_grpc.add_ToolServiceServicer_to_server, ToolServicer(services.device_tools))
    server.add(chat_pb2_grpc.add_ClientServiceServicer_to_server, clients)
