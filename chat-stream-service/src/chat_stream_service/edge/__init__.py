"""The gRPC face of the service: convert, call, convert."""
