"""The technologies behind the domain's ports, one to a file."""
