"""Traces (OpenTelemetry) and metrics (Prometheus)."""

from penstock_kit.telemetry.loop_lag import LoopLag
from penstock_kit.telemetry.metrics import MetricsServer, ProcessMetrics, RpcMetrics, serve_metrics
from penstock_kit.telemetry.tracing import Tracing, configure_tracing, current_traceparent, tracer

__all__ = [
    "LoopLag",
    "MetricsServer",
    "ProcessMetrics",
    "RpcMetrics",
    "Tracing",
    "configure_tracing",
    "current_traceparent",
    "serve_metrics",
    "tracer",
]
