"""What watches the system: rules, dashboards, configuration, and a real Prometheus beside a run."""
