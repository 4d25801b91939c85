"""Who answers and what it costs, from the settings and the configuration file; kept current while the service runs."""
