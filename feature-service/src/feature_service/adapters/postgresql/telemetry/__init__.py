"""The schema of the telemetry store: its name names the table that holds its revision, ``telemetry_schema``."""
