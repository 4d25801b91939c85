"""What the cache does, whatever holds the values: ports, policies and the use cases above them."""
