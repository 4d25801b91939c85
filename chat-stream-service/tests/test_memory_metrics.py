"""What is measured of the engines' memories."""

from prometheus_client import CollectorRegistry

from chat_stream_service.adapters.prometheus import MemoryMetrics
from chat_stream_service.domain.memory.memory_statistics import KeepOutcome, MemoryStatistics, RecallOutcome


def test_every_engine_has_the_same_metrics() -> None:
    registry = CollectorRegistry()
    own, mem0 = MemoryStatistics("chat_engine"), MemoryStatistics("mem0_proxy")
    MemoryMetrics(registry, (own, mem0))
    own.turns = 2
    own.recalled(RecallOutcome.HIT, seconds=0.002, notes=3)
    mem0.recalled(RecallOutcome.SLOW, seconds=0.3)
    mem0.kept[KeepOutcome.DROPPED] += 1

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("penstock_engine_turns_total", engine="chat_engine") == 2
    assert value("penstock_memory_notes_total", engine="chat_engine") == 3
    assert value("penstock_memory_recalls_total", engine="chat_engine", outcome="hit") == 1
    assert value("penstock_memory_recalls_total", engine="mem0_proxy", outcome="slow") == 1
    assert value("penstock_memory_recalls_total", engine="mem0_proxy", outcome="hit") == 0
    assert value("penstock_memory_keeps_total", engine="mem0_proxy", outcome="dropped") == 1
    assert value("penstock_memory_recall_seconds_bucket", engine="chat_engine", le="0.0025") == 1
    assert value("penstock_memory_recall_seconds_bucket", engine="mem0_proxy", le="0.2") == 0
    assert value("penstock_memory_recall_seconds_count", engine="mem0_proxy") == 1
    assert value("penstock_memory_recall_seconds_sum", engine="mem0_proxy") == 0.3
