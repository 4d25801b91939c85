"""Devices and data models: their rules, and the port to where they are kept."""
