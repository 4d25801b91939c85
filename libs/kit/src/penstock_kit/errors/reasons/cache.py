"""Reasons of cache-service."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

CACHE: Final = Section(
    title="cache-service",
    rows=(
        Row(
            "LOCKS_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "Redis is away, and a lock of one replica alone would protect nothing",
            "come again",
        ),
        Row(
            "SESSIONS_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "Redis is away: sessions are read and not changed",
            "come again",
        ),
        Row(
            "LOCKS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "as many locks are held as `CACHE_MAX_LOCKS` allows",
            "release some, or raise it",
        ),
        Row(
            "COUNTER_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a counter would leave 64 signed bits",
            "count in smaller steps",
        ),
        Row(
            "RATE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a rate that is not positive",
            "give a positive one",
        ),
        Row(
            "COST_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a cost below 0",
            "give 0 or more",
        ),
        Row(
            "COST_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a cost that could never be taken",
            "give at most the capacity",
        ),
        Row(
            "KEY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a key that is empty, too long or has a NUL",
            "the message names the bounds",
        ),
        Row(
            "KEYS_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "too many keys in one call",
            "send them in several",
        ),
        Row(
            "TAGS_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "too many tags for one value",
            "give fewer",
        ),
        Row(
            "VALUE_LIMIT_EXCEEDED",
            (ErrorKind.PAYLOAD_TOO_LARGE,),
            "a value larger than is kept",
            "keep it elsewhere",
        ),
        Row(
            "VALUE_CONFLICT",
            (ErrorKind.INVALID_ARGUMENT,),
            "a value that is marked as absent",
            "send the one or the other",
        ),
        Row(
            "DURATION_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a duration that is not positive or too long",
            "the message names the bounds",
        ),
        Row(
            "TTL_CLASS_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a class of lifetimes that does not exist",
            "the message lists those that do",
        ),
        Row(
            "PARTITION_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a partition that is not known",
            "build the client from the current protos",
        ),
        Row(
            "SELECTOR_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "neither prefix nor tag to invalidate",
            "name at least one",
        ),
        Row(
            "EMBEDDER_UNAVAILABLE",
            (ErrorKind.FAILED_PRECONDITION,),
            "a look-up by meaning without a vector, where no local model makes one",
            "send the question's vector",
        ),
        Row(
            "EMBEDDING_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a vector of more numbers than are compared",
            "the message names the bound",
        ),
        Row(
            "SIMILARITY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a similarity outside 0 to 1",
            "give a cosine similarity",
        ),
        Row(
            "PARTITION_KEY_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a look-up by meaning without a partition, or with one too long",
            "send a hash of what shapes the answer",
        ),
        Row(
            "TEXT_LIMIT_EXCEEDED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a question longer than is looked up by meaning",
            "ask without the cache",
        ),
        Row(
            "SELECTOR_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a purge of nothing, or of two things at once",
            "name exactly one of id, prefix and all",
        ),
        Row(
            "SESSION_CONFLICT",
            (ErrorKind.FAILED_PRECONDITION,),
            "a session is put again that was deleted within the last day",
            "leave the id empty for a new one",
        ),
        Row(
            "WARMUP_UNSUPPORTED",
            (ErrorKind.UNIMPLEMENTED,),
            "cache-service does not know how its values are made",
            "call penstock.common.v1.WarmupService of the services that own them, or POST /api/v1/cache/warmup",
        ),
    ),
)
