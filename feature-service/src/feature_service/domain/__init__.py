"""What the service knows about telemetry and features, free of transport and storage."""
