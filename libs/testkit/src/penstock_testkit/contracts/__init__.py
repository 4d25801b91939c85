"""One suite of tests per port: an adapter's own tests subclass it and say how to make the adapter."""
