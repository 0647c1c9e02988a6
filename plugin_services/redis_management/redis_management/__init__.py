"""A Redis manager as a Plugway plugin."""
