"""Real servers for tests: a Redis and a PostgreSQL, found or started once per test session.

Each is looked for in the same order: a URL in the environment, a container when a Docker engine answers
within 2 s, the server on PATH, the server inside a wheel. Nothing found is a failure, never a skip.
"""

from penstock_testkit.servers.postgres import PostgresServer, start_postgres
from penstock_testkit.servers.redis import RedisServer, start_redis

__all__ = ["PostgresServer", "RedisServer", "start_postgres", "start_redis"]
