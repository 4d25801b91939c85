"""The shared cache: TTL, tags, locks, counters, statistics."""
