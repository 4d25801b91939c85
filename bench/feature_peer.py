"""Rows that a peer makes features of in a second of one core.

Run by the peers' Python: `feature_peer.py NAME FILE SIZE STEP`. FILE holds an array (rows, fields), by np.save.
What is imported is not measured; the time is the processor's, which other load on the machine changes little.
"""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownLambdaType=false

import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

TSFRESH = {
    **dict.fromkeys(("mean", "standard_deviation", "skewness", "kurtosis", "abs_energy", "root_mean_square"), None),
    **dict.fromkeys(("minimum", "maximum", "median"), None),
    "quantile": [{"q": 0.25}, {"q": 0.75}],
    "linear_trend": [{"attr": "slope"}],
    "number_crossing_m": [{"m": 0}],
    "autocorrelation": [{"lag": 1}],
}
TSFEL = {
    "statistical": [
        *("Mean", "Standard deviation", "Skewness", "Kurtosis", "Absolute energy", "Root mean square"),
        *("Min", "Max", "Median", "Peak to peak distance"),
    ],
    "temporal": ["Slope", "Zero crossing rate"],
}


def tsfresh(values: Any, size: int, step: int) -> Callable[[], Any]:
    """The windows as tsfresh wants them, a column that names each, and its extraction in this process."""
    import pandas as pd
    from tsfresh import extract_features

    starts = range(0, len(values) - size + 1, step)
    frame = pd.DataFrame(np.concatenate([values[start : start + size] for start in starts]))
    frame["window"] = np.repeat(np.arange(len(starts)), size)
    frame["row"] = np.tile(np.arange(size), len(starts))
    frame.columns = [str(name) for name in frame.columns]
    return lambda: extract_features(
        frame,
        column_id="window",
        column_sort="row",
        default_fc_parameters=TSFRESH,
        n_jobs=0,
        disable_progressbar=True,
    )


def tsfel(values: Any, size: int, step: int) -> Callable[[], Any]:
    """TSFEL's extraction, which cuts the windows itself."""
    import pandas as pd
    import tsfel as library

    wanted: dict[str, Any] = {}
    for domain, names in TSFEL.items():
        known = library.get_features_by_domain(domain)[domain]
        wanted[domain] = {name: known[name] for name in names}
    frame = pd.DataFrame(values, columns=[f"f{place}" for place in range(values.shape[1])])
    return lambda: library.time_series_features_extractor(
        wanted, frame, fs=1, window_size=size, overlap=1 - step / size, n_jobs=None, verbose=0
    )


def main() -> None:
    """Print what was measured."""
    warnings.filterwarnings("ignore")
    name, path, size, step = sys.argv[1:]
    values = np.load(path)
    work = {"tsfresh": tsfresh, "tsfel": tsfel}[name](values, int(size), int(step))
    begun = time.process_time()
    work()
    print(json.dumps({"rows_per_second": len(values) / (time.process_time() - begun)}))


if __name__ == "__main__":
    main()
