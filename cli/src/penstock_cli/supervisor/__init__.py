"""``penstock up``: the five services as child processes of one small supervisor.

Plain threads and no third-party imports: the supervisor lives as long as the services, and its
memory counts with theirs.
"""
