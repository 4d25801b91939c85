"""The shared cache for Python callers: a client to which an absent cache is a miss, and a read-through decorator."""

from penstock_kit.cache.cached import cached
from penstock_kit.cache.client import FREQUENT_CALLS, CacheClient, CachedValue, Lease, RateVerdict
from penstock_kit.cache.codec import Codec, JsonCodec

__all__ = ["FREQUENT_CALLS", "CacheClient", "CachedValue", "Codec", "JsonCodec", "Lease", "RateVerdict", "cached"]
