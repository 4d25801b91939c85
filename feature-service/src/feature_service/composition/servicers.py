"""What feature-service serves over gRPC."""

from dataclasses import dataclass

from penstock.common.v1 import warmup_pb2_grpc
from penstock.feature.v1 import backup_pb2_grpc, feature_pb2_grpc

from feature_service.composition.stores import Stores
from feature_service.edge.backup_servicer import BackupServicer
from feature_service.edge.metadata_servicer import MetadataServicer
from feature_service.edge.servicer import FeatureServicer, FeatureServices
from penstock_kit.cache.warmup import WarmupServicer
from penstock_kit.database import Database
from penstock_kit.grpc import GrpcServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Servicers:
    """The servicers over open stores."""

    features: FeatureServicer
    metadata: MetadataServicer
    backup: BackupServicer
    warmup: WarmupServicer
    database: Database

    def add_to(self, server: GrpcServer) -> None:
        """Have `server` serve them while the database can be used."""
        server.report_failure(lambda: self.database.failure)
        server.add(feature_pb2_grpc.add_FeatureServiceServicer_to_server, self.features)
        server.add(feature_pb2_grpc.add_MetadataServiceServicer_to_server, self.metadata)
        server.add(backup_pb2_grpc.add_BackupServiceServicer_to_server, self.backup)
        server.add(warmup_pb2_grpc.add_WarmupServiceServicer_to_server, self.warmup)


def build_servicers(services: FeatureServices, stores: Stores) -> Servicers:
    """Return the servicers that call `services`; the backup copies the telemetry store itself."""
    return Servicers(
        features=FeatureServicer(services),
        metadata=MetadataServicer(services.registry),
        backup=BackupServicer(copy_to=stores.telemetry.copy_to, folder=stores.spool_folder),
        warmup=WarmupServicer(services.warmup),
        database=stores.database,
    )
