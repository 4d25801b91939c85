"""The tools a turn may call: catalogue, argument checks, breakers, statistics."""
