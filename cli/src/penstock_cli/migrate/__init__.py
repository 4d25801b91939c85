"""``penstock migrate``: moves records and telemetry between the files of a home and PostgreSQL, and compares both."""
