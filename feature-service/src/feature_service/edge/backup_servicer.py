"""The RPC of penstock.feature.v1.BackupService."""

# The method bears the name of the RPC.
# ruff: noqa: N802

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from penstock.feature.v1 import backup_pb2, backup_pb2_grpc

from penstock_kit.role import require_operator

_CHUNK: Final = 1024 * 1024


class BackupServicer(backup_pb2_grpc.BackupServiceServicer):
    """`copy_to` writes the store into a new file, `folder` is where that waits to be sent."""

    def __init__(self, *, copy_to: Callable[[Path], Awaitable[None]], folder: Path) -> None:
        self._copy_to = copy_to
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()

    async def BackupTelemetry(
        self, request: backup_pb2.BackupTelemetryRequest, context: Any
    ) -> AsyncGenerator[backup_pb2.BackupTelemetryResponse]:
        """Copy the store, send the copy, delete it. Raises PermissionDenied OPERATOR_REQUIRED."""
        require_operator("back up telemetry")
        async with self._one_at_a_time:
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="backup-") as name:
                path = Path(name) / "telemetry.duckdb"
                await self._copy_to(path)
                with await asyncio.to_thread(path.open, "rb") as file:
                    while chunk := await asyncio.to_thread(file.read, _CHUNK):
                        yield backup_pb2.BackupTelemetryResponse(chunk=chunk)
