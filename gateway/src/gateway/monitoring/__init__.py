"""Samples of the gateway's figures over time, and the dashboard that shows them."""
