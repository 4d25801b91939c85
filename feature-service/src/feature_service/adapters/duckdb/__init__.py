"""The telemetry store on DuckDB: connection, statements, results."""
