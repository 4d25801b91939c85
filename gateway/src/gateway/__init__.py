"""The HTTP gateway: authentication, limits, routing, HTTP to gRPC, event streams."""
