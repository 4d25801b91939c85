"""Redis as every service uses it: short timeouts, one place that knows whether it is there, scripts, channels."""
