"""The port to the store of rows, and the questions it answers."""
