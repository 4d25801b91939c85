"""Where fitted detectors are kept."""
