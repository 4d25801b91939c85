"""What the semantic cache holds: answers to questions, each in a partition that nothing crosses."""

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticPartition:
    """A space of questions that may answer each other.

    `key` is the caller's hash of model, system prompt, tools, sampling and every other field that shapes an answer.
    The tenant, the model that made the vectors, their length and the script of the question are told apart here.
    """

    tenant: str
    key: str
    embedder: str
    dimensions: int
    language: str

    @property
    def id(self) -> str:
        """The partition's name in stores: a digest, for keys name nobody and quote nothing."""
        fields = (self.tenant, self.key, self.embedder, str(self.dimensions), self.language)
        text = "".join(f"{len(field)}:{field}" for field in fields)
        return hashlib.sha256(text.encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticEntry:
    """A question and its answer. `vector` is little-endian float32 of length one, `value` is the caller's."""

    id: str
    tenant: str
    partition: str
    question: str
    vector: bytes
    value: bytes
    model: str
    create_time: datetime
    expire_time: datetime


def digest_of(text: str) -> str:
    """Return a short name for a text that does not tell it."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]
