"""Builds the objects of the service and ties them together."""
