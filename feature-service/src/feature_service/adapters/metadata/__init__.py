"""Devices and data models in SQLite or PostgreSQL."""
