"""Features of windows of a machine's signals, as a matrix. Needs penstock-client."""

from datetime import datetime, timedelta

from penstock_client import Penstock

with Penstock() as penstock:
    machine = penstock.devices.get("WLD001")
    end = datetime.fromisoformat(machine["last_seen_time"])
    matrix = penstock.features.matrix(
        "WLD001",
        model_code=machine["model_code"],
        start_time=end - timedelta(minutes=10),
        end_time=end,
        fields=["current", "voltage"],
        features=["mean", "std", "max"],
        window_size=60,
        overlap=0,
    )
    print(", ".join(matrix.feature_names))
    for moment, row in list(zip(matrix.timestamps, matrix.features, strict=True))[:3]:
        print(moment, row)
