"""Generated gRPC code. Do not edit: see protos/generate.py."""
