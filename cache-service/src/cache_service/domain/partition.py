"""Whose keys: every key, lock and counter lies in a tenant's partition or in the shared one."""

from dataclasses import dataclass
from typing import Final

from penstock_kit.errors import InvalidArgument

MAX_KEY_BYTES: Final = 512
_SAFE_CHARACTERS: Final = MAX_KEY_BYTES // 4  # a character takes at most 4 bytes of UTF-8
_SEPARATOR: Final = "\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A space of keys. `tenant` is empty for what belongs to nobody and is shared by all.

    A full key is ``<tenant>NUL<key>``: no tenant's key can be a prefix of another's, and backends
    need to know nothing of tenants.
    """

    tenant: str

    def full(self, key: str, what: str = "key") -> str:
        """Return the full key of `key`; raises InvalidArgument when it is empty, over 512 bytes or has a NUL."""
        if not key or _SEPARATOR in key or (len(key) > _SAFE_CHARACTERS and len(key.encode()) > MAX_KEY_BYTES):
            raise _bad_key(key, what)
        return f"{self.tenant}{_SEPARATOR}{key}"

    @property
    def root(self) -> str:
        """The prefix of every full key of this partition, and of no other's."""
        return f"{self.tenant}{_SEPARATOR}"

    def local(self, full: str) -> str:
        """Return the caller's key of a full key of this partition."""
        return full[len(self.tenant) + 1 :]


SHARED: Final = Partition(tenant="")


def tenant_of(full: str) -> str:
    """Return the tenant of a full key; empty for what is shared."""
    return full[: full.find(_SEPARATOR)]


def segment_of(full: str) -> str:
    """Return the full key up to (not including) the first ``:`` of its local part; all of it without one."""
    end = full.find(":", full.find(_SEPARATOR) + 1)
    return full if end < 0 else full[:end]


def _bad_key(key: str, what: str) -> InvalidArgument:
    if not key:
        return InvalidArgument(f"the {what} is empty; give 1 to {MAX_KEY_BYTES} bytes", reason="KEY_INVALID")
    if _SEPARATOR in key:
        return InvalidArgument(f"the {what} {key!r} contains a NUL character", reason="KEY_INVALID")
    size = len(key.encode())
    message = f"the {what} {key[:60]!r}… has {size} bytes, at most {MAX_KEY_BYTES} are allowed; hash its long parts"
    return InvalidArgument(message, reason="KEY_INVALID", metadata={"bytes": str(size)})
