"""Store a file of telemetry, and read statistics and rows back. Needs penstock-client."""

import tempfile
from pathlib import Path

from penstock_client import Penstock

with tempfile.TemporaryDirectory() as folder, Penstock() as penstock:
    file = Path(folder) / "pump.csv"
    rows = (f"2026-01-31T08:00:{second:02}Z,{2 + second % 5 / 10},ok" for second in range(60))
    file.write_text("\n".join(["timestamp,pressure,state", *rows]) + "\n")

    stored = penstock.data.upload(
        file,
        device_code="EXAMPLE-PUMP",
        model_code="example_pump",
        create=True,
        progress=lambda sent, total: print(f"{sent} of {total} bytes"),
    )
    print(f"{stored['rows_accepted']} rows stored, {stored['rows_rejected']} refused")
    for row in penstock.data.history("EXAMPLE-PUMP", fields=["pressure"], limit=3).rows:
        print(row)
