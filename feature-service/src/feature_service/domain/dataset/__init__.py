"""Data sets for training: honest splits, labels of windows, everything fitted on the training part only."""
