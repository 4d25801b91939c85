"""The nearest vectors by cosine, brute force with NumPy (imported on first use)."""

from collections.abc import Sequence
from typing import Any, Final

# Below this a text is about something else, for the usual embedding models.
_NEAR: Final = 0.3


def nearest(vector: bytes, others: Sequence[tuple[int, bytes]], *, most: int) -> Sequence[int]:
    """Return the numbers of the vectors nearest to `vector`, nearest first.

    Those less than 0.3 near, and those of another length, are left out.
    """
    import numpy as np

    fitting = [(number, other) for number, other in others if len(other) == len(vector)]
    if not fitting:
        return ()
    matrix: Any = np.frombuffer(b"".join(other for _, other in fitting), dtype="<f4").reshape(len(fitting), -1)
    question: Any = np.frombuffer(vector, dtype="<f4")
    lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(question)
    cosines = np.divide(matrix @ question, lengths, out=np.zeros(len(fitting), dtype="<f4"), where=lengths > 0)
    order: list[int] = np.argsort(-cosines, kind="stable")[:most].tolist()
    return [fitting[index][0] for index in order if cosines[index] >= _NEAR]
