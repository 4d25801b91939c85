"""Builds the objects of the service from its settings."""
