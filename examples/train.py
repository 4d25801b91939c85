"""From signals to a model: four pumps with faults in, an honest data set out, a model scored on a pump it never saw.

Needs penstock-client, numpy and scikit-learn. The signals are made here, in the manner of the SKAB benchmark: eight
sensors of a pump at one row a second, and valves that close for a while.
"""

import io
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score

from penstock_client import Penstock

ROWS = 1_200
SENSORS = ["accel1", "accel2", "current", "pressure", "temperature", "thermocouple", "voltage", "flow"]
PUMPS = [f"EXAMPLE-PUMP-{number}" for number in range(1, 5)]
START = datetime(2026, 2, 1, 8)


def pump(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the signals of a pump and, for each row, 1 while its valve is closed."""
    random = np.random.default_rng(seed)
    closed = np.zeros(ROWS)
    for begin in random.choice(np.arange(200, ROWS - 150, 200), size=3, replace=False):
        closed[begin : begin + 120] = 1
    noise = random.normal(size=(ROWS, len(SENSORS))) + random.normal(scale=0.3, size=len(SENSORS))
    effect = np.array([0.6, 0.5, 0.8, 1.0, 0.2, 0.1, 0.0, -1.2])
    return noise + np.outer(np.convolve(closed, np.ones(10) / 10, "same"), effect), closed


def csv(seed: int) -> bytes:
    """Return the pump's rows as a file."""
    signals, closed = pump(seed)
    lines = io.StringIO()
    print("timestamp", *SENSORS, "valve_closed", sep=",", file=lines)
    for second, (row, label) in enumerate(zip(signals, closed, strict=True)):
        print(
            f"{START + timedelta(seconds=second)}Z", *(f"{value:.4f}" for value in row), int(label), sep=",", file=lines
        )
    return lines.getvalue().encode()


with tempfile.TemporaryDirectory() as folder, Penstock() as penstock:
    for number, code in enumerate(PUMPS):
        file = Path(folder) / f"{code}.csv"
        file.write_bytes(csv(number))
        penstock.data.upload(file, device_code=code, model_code="example_pumps", create=True)

    # By device: what is validated on is a pump of which the model has seen no row.
    made = penstock.datasets.create(
        model_code="example_pumps",
        device_codes=PUMPS,
        label_column="valve_closed",
        fields=SENSORS,
        features=["mean", "std", "min", "max", "slope"],
        window_size=30,
        overlap=0.5,
        split="device",
        val_split=0.25,
        max_gap=5,
    )
    built = penstock.datasets.wait(made["dataset_id"])
    print(f"{built['train_samples']} windows to learn from, {built['val_samples']} to validate on")
    with np.load(penstock.datasets.download(built["dataset_id"], Path(folder) / "pumps.npz")) as arrays:
        model = RandomForestClassifier(random_state=0).fit(arrays["X_train"], arrays["y_train"])
        score = f1_score(arrays["y_val"], model.predict(arrays["X_val"]))
        always = f1_score(arrays["y_val"], np.ones(len(arrays["y_val"])))
    print(f"F1 {score:.2f} on the pump that was kept apart; always saying closed: {always:.2f}")

    asked = {"device_codes": PUMPS[:1], "fields": SENSORS, "window_size": 30}
    found = penstock.request("POST", "/api/v2/ai/anomalies", body=asked)
    windows = found["devices"][0]["windows"]
    strange = [window for window in windows if window["anomalous"]]
    print(f"without any label, {len(strange)} of {len(windows)} windows of {PUMPS[0]} are unlike its beginning")
