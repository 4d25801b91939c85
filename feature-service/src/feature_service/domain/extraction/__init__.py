"""From rows to a feature matrix: preprocessing, windows, features, scaling."""
