"""A sentence model in this process, by ONNX Runtime (optional extra ``embedder``).

The operator names a folder with ``model.onnx`` and ``tokenizer.json``, such as that of all-MiniLM-L6-v2 quantised to
int8: nothing is downloaded. The libraries are imported, and the model is read, at the first question.
"""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from penstock_kit.logging import get_logger

_LONGEST_TOKENS: Final = 256
# A question waits for its vector no longer than for an answer that is not there.
_DEADLINE_SECONDS: Final = 0.3
_RETRY_SECONDS: Final = 30.0

log = get_logger(__name__)


class OnnxEmbedder:
    """An Embedder: mean of the last layer over the tokens of the text. One text at a time, on one thread.

    A model that can't be read, or takes too long, gives no vector: the look-up is a miss, and nothing is stored. After
    a failure it is left alone for half a minute.
    """

    def __init__(self, folder: Path, *, deadline: float = _DEADLINE_SECONDS) -> None:
        self._folder = folder
        self._deadline = deadline
        self._model: _Model | None = None
        # One at a time: who waits in vain leaves the queue, and a model that is being read is read once.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        self._not_before = 0.0

    @property
    def name(self) -> str:
        """``local/`` and the name of the folder."""
        return f"local/{self._folder.name}"

    async def embed(self, text: str) -> bytes:
        """Return the vector of `text`; empty when it could not be made in time."""
        if time.monotonic() < self._not_before:
            return b""
        try:
            async with asyncio.timeout(self._deadline):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._embed, text)
        except TimeoutError:
            return b""
        except Exception as error:  # noqa: BLE001 - whatever a model or library raises must not fail a question
            self._not_before = time.monotonic() + _RETRY_SECONDS
            log.warning("the local model gives no vectors", folder=str(self._folder), detail=f"{error}"[:300])
            return b""

    def _embed(self, text: str) -> bytes:
        if self._model is None:
            self._model = _Model(self._folder)
        return self._model.embed(text)


class _Model:
    """The model and its tokenizer."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime  # pyright: ignore
        import tokenizers

        runtime: Any = onnxruntime
        library: Any = tokenizers
        options: Any = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = runtime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._tokenizer: Any = library.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST_TOKENS)

    def embed(self, text: str) -> bytes:
        """Return the mean of the last layer over the tokens of `text`; empty for a text without any."""
        import numpy

        tokens: Any = self._tokenizer.encode(text)
        if not tokens.ids:
            return b""
        given = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        feed = {name: numpy.array([numbers], dtype="<i8") for name, numbers in given.items() if name in self._inputs}
        layer: Any = self._session.run(None, feed)[0][0]
        weights: Any = numpy.array(tokens.attention_mask, dtype="<f4")
        # A model that pools by itself gives one vector.
        mean: Any = layer if layer.ndim == 1 else (layer * weights[:, None]).sum(axis=0) / weights.sum()
        return numpy.asarray(mean, dtype="<f4").tobytes()
