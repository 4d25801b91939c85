"""gRPC on the outside, the domain on the inside: convert, call, convert."""
