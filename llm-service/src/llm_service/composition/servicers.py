"""What llm-service serves over gRPC."""

from penstock.llm.v1 import cost_pb2_grpc, llm_pb2_grpc

from llm_service.composition.selection import rss_bytes
from llm_service.composition.services import Services
from llm_service.composition.stores import Stores
from llm_service.edge.cost_servicer import CostServicer
from llm_service.edge.servicer import LlmServicer
from penstock_kit.clock import Clock
from penstock_kit.grpc import GrpcServer
from penstock_kit.ids import new_id


def add_servicers(server: GrpcServer, services: Services, stores: Stores, clock: Clock) -> None:
    """Serve the services on `server`."""
    selection, spending = services.selection, services.spending
    llm = LlmServicer(
        completions=services.completions,
        collector=services.collector,
        embedder=services.embedder,
        parser=services.parser,
        registry=selection.registry,
        counters=selection.registry,
        admit_request=services.budget_guard.admit_request,
        monitor=selection.monitor,
        live=services.live,
        router=selection.router,
        allows=spending.allows,
        key_pools=selection.key_pools,
        database=stores.database,
        clock=clock,
        shedder=services.shedder,
        media_urls=services.media_urls,
        check_media_names=services.media_names.check,
        rss_bytes=rss_bytes,
    )
    costs = CostServicer(
        ledger=spending.ledger,
        budgets=stores.budgets,
        policies=stores.policies,
        price_store=stores.prices,
        prices=spending.prices,
        limits=spending.limits,
        models=lambda: {profile.name: profile.models for profile in services.live.current.profiles},
        clock=clock,
        new_id=new_id,
    )
    server.add(llm_pb2_grpc.add_LlmServiceServicer_to_server, llm)
    server.add(cost_pb2_grpc.add_CostServiceServicer_to_server, costs)
