"""Builds the application from its settings: clients, stores, services, routes, middleware."""
