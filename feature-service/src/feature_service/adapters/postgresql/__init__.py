"""The telemetry store on PostgreSQL: connections, statements, rows by COPY BINARY."""
