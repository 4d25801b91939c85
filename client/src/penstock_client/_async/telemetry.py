"""Telemetry in and out: uploads with progress, history as rows, features as a matrix, data sets as files."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from penstock_client._async.operations import (
    AsyncDataOperations,
    AsyncDatasetsOperations,
    AsyncFeaturesOperations,
)
from penstock_client._call import Call, JsonObject
from penstock_client._upload import CONTENT_TYPES, Upload, open_upload
from penstock_client.errors import PenstockError
from penstock_client.frames import FeatureMatrix, Rows

Progress = Callable[[int, int | None], None]
_LONG_SECONDS: Final = 3600.0
_POLL_SECONDS: Final = 0.5


class AsyncData(AsyncDataOperations):
    """Rows of devices: write them, read them back."""

    async def write(
        self,
        device_code: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        model_code: str | None = None,
        create: bool = False,
    ) -> JsonObject:
        """Store `rows`, each with a ``timestamp`` and its fields. Repeating it is harmless: the last value wins.

        Returns what was accepted and refused: ``rows_accepted``, ``rows_rejected``, ``errors``, ``fields``.
        """
        body = {"device_code": device_code, "model_code": model_code, "rows": list(rows)}
        call = Call(
            method="POST", path="/api/v2/data/ingest", query={"create": create}, body=body, timeout=_LONG_SECONDS
        )
        return await self._call(call)

    async def upload(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        format: Literal["csv", "arrow", "parquet", "json"] | None = None,
        device_code: str | None = None,
        progress: Progress | None = None,
        **options: Any,
    ) -> JsonObject:
        """Send a file (or its bytes) of telemetry piece by piece.

        `format` is taken from the file's suffix when left out. `progress(sent, total)` is called with bytes. `options`
        are the query parameters of ``POST /api/v2/data/ingest``: ``model_code``, ``timestamp_column``, ``tz``,
        ``create``, ``device_column``, ``delimiter``, ``decimal``, ``partial`` and so on.
        """
        upload = open_upload(source, format, progress)
        query = {"device_code": device_code, **options}
        headers = {"content-type": CONTENT_TYPES[upload.format], "content-length": str(upload.size)}
        call = Call(
            method="POST",
            path="/api/v2/data/ingest",
            query=query,
            content=_pieces(upload),
            headers=headers,
            timeout=_LONG_SECONDS,
        )
        return await self._call(call)

    async def history(
        self,
        device_code: str,
        *,
        fields: Sequence[str] | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        **options: Any,
    ) -> Rows:
        """Return rows of a device, oldest first; `options` are those of :meth:`query_history` (interval, limit …)."""
        answer = await self.query_history(
            device_code=device_code, fields=fields, start_time=start_time, end_time=end_time, **options
        )
        return Rows(rows=answer["rows"], row_count=answer["row_count"], truncated=bool(answer.get("truncated")))


class AsyncFeatures(AsyncFeaturesOperations):
    """Window features of devices."""

    async def matrix(self, device_code: str, **options: Any) -> FeatureMatrix:
        """Extract features as a matrix; `options` are those of :meth:`extract`."""
        answer = await self.extract(device_code=device_code, **options)
        return FeatureMatrix(
            features=answer["features"],
            feature_names=answer["feature_names"],
            timestamps=answer["timestamps"],
            metadata=answer["metadata"],
        )


class AsyncDatasets(AsyncDatasetsOperations):
    """Training data: build, wait, download."""

    async def wait(self, dataset_id: str, *, timeout: float = 3600.0) -> JsonObject:
        """Return the data set once it is built. Raises PenstockError when it failed or `timeout` seconds are over."""
        for _ in range(max(1, int(timeout / _POLL_SECONDS))):
            dataset = await self.get(dataset_id)
            state = str(dataset.get("status") or dataset.get("state") or "ready").lower()
            if state in {"ready", "completed", "done", "succeeded"}:
                return dataset
            if state in {"failed", "cancelled", "canceled"}:
                raise PenstockError(f"data set {dataset_id} is {state}: {dataset.get('error') or 'no reason given'}")
            await asyncio.sleep(_POLL_SECONDS)
        raise PenstockError(f"data set {dataset_id} was not built within {timeout:g} s")

    async def download(
        self,
        dataset_id: str,
        path: str | os.PathLike[str],
        *,
        format: Literal["npz", "parquet", "csv"] = "npz",
        progress: Progress | None = None,
    ) -> Path:
        """Save a data set to `path`: written beside it and renamed when it is whole. Returns the path."""
        target = Path(path)
        partial = target.with_name(target.name + ".part")
        call = Call(
            method="GET",
            path=f"/api/v2/ai/datasets/{dataset_id}/download",
            query={"format": format},
            timeout=_LONG_SECONDS,
        )
        async with self._transport.open(call) as response:
            total = int(response.headers["content-length"]) if "content-length" in response.headers else None
            done = 0
            with partial.open("wb") as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, total)
        partial.replace(target)
        return target


async def _pieces(upload: Upload) -> AsyncGenerator[bytes]:
    for piece in upload:
        yield piece
