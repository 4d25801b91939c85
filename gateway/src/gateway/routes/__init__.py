"""The ordinary routes, one file per resource: each function returns the router of its dependencies."""
