"""Values the whole domain speaks of: rows, series, ranges of time, devices, statistics. It imports no other room."""
