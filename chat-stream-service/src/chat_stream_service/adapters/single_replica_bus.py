"""The replica bus of a service that has no other replicas."""

from chat_stream_service.domain.model.replica_bus import Notice, NoticeHandler


class SingleReplicaBus:
    """There is nobody to tell anything; see :class:`chat_stream_service.domain.model.replica_bus.ReplicaBus`."""

    def __init__(self, replica: str) -> None:
        self._replica = replica

    @property
    def replica(self) -> str:
        """Id of this replica."""
        return self._replica

    async def publish(self, notice: Notice) -> None:
        """Tell nobody."""

    def listen(self, handle: NoticeHandler) -> None:
        """There is nothing to hear."""
