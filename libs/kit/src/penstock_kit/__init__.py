"""What every Penstock service shares: errors, caller context, settings, logs, telemetry, gRPC, database."""
