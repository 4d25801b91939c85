"""Makes the benchmarks importable: the figures that they draw are the ones that hold."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
