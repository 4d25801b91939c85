"""Alerts: rules about the system, alarms on device values, and who is told."""
