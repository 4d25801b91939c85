"""Device telemetry: metadata, ingest, queries and time-series features."""
