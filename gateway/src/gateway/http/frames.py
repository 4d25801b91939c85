"""What an error that has been answered still holds."""

import traceback


def release_frames(error: BaseException) -> None:
    """Drop what the frames behind an answered error hold, bodies above all.

    Frameworks keep an error in cycles with its frames, which are collected twenty thousand objects later: until then
    each body that was refused half-way would stay, twenty megabytes or more of it.
    """
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        traceback.clear_frames(behind.__traceback__)
        behind = behind.__cause__ or behind.__context__
