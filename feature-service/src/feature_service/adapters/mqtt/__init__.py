"""Rows from a broker of MQTT."""
