"""Adapters to stores and telemetry, one technology a file."""
