"""LLM provider selection with failover, cost ledger and an offline provider."""
