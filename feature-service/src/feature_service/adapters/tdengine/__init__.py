"""Telemetry in TDengine, over its REST API."""
