"""Answers of Redis that come as flat lists, as what they mean."""

from collections.abc import Mapping, Sequence


def mapping_of(answer: Sequence[bytes] | Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return the fields of a hash (``HGETALL``) by name; RESP3 gives them so."""
    if isinstance(answer, Mapping):
        return dict(answer)
    return dict(zip(answer[::2], answer[1::2], strict=True))


def entries_of(answer: Sequence[tuple[bytes, Sequence[bytes]]]) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of a stream (``XRANGE``): the id of each and its fields by name."""
    return [(entry_id, mapping_of(fields)) for entry_id, fields in answer]
