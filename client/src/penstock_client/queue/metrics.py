"""The queue's size as a Prometheus gauge."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock_client.queue.offline_queue import OfflineQueue


def register_size_gauge(queue: "OfflineQueue", registry: Any = None) -> Any:
    """Register ``offline_queue_size`` with `registry` (default: the global one) and return the gauge.

    Needs the prometheus_client package. The size is read when it is asked for.
    """
    try:
        from prometheus_client import REGISTRY, Gauge
    except ImportError as error:
        raise ImportError("register_size_gauge() needs prometheus_client: pip install prometheus-client") from error
    gauge = Gauge("offline_queue_size", "Messages that wait in the offline queue.", registry=registry or REGISTRY)
    gauge.set_function(lambda: len(queue))
    return gauge
