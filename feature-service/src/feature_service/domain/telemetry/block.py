"""Blocks of rows as one frame."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feature_service.domain.model.frame import Frame


async def fold_blocks(blocks: "AsyncIterator[Frame]") -> "Frame":
    """Return the rows of all blocks, of which there must be one at least."""
    found = [block async for block in blocks]
    if len(found) == 1:
        return found[0]
    from feature_service.domain.model.frame import concatenate

    return concatenate(found)
