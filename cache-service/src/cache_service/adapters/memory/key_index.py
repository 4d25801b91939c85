"""Finds keys by tag and by prefix without a walk over all of them."""

from cache_service.domain.partition import segment_of


class KeyIndex:
    """Sets of keys by tag, and by first segment: a prefix looks only at the keys that share its segment."""

    def __init__(self) -> None:
        self._by_tag: dict[str, dict[str, None]] = {}
        self._by_segment: dict[str, dict[str, None]] = {}

    def add(self, key: str, tags: tuple[str, ...]) -> None:
        """Take up a key."""
        self._by_segment.setdefault(segment_of(key), {})[key] = None
        for tag in tags:
            self._by_tag.setdefault(tag, {})[key] = None

    def remove(self, key: str, tags: tuple[str, ...]) -> None:
        """Forget a key that was added with the same tags."""
        _drop(self._by_segment, segment_of(key), key)
        for tag in tags:
            _drop(self._by_tag, tag, key)

    def tagged(self, tag: str) -> list[str]:
        """Return the keys with `tag`."""
        return list(self._by_tag.get(tag, ()))

    def beginning(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`."""
        segment = segment_of(prefix)
        if segment != prefix:
            return [key for key in self._by_segment.get(segment, ()) if key.startswith(prefix)]
        return [key for name, keys in self._by_segment.items() if name.startswith(prefix) for key in keys]


def _drop(index: dict[str, dict[str, None]], name: str, key: str) -> None:
    keys = index.get(name)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[name]
