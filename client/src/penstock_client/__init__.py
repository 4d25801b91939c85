"""Python client for the Penstock gateway."""
