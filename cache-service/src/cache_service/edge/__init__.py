"""penstock.cache.v1 over gRPC: convert, call, convert."""
