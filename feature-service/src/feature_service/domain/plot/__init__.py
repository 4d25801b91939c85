"""Plots of telemetry: what is to be drawn, whatever draws it."""
