"""`make load`: people, streams and models on a running system, by Locust, with a page about what came of it."""
