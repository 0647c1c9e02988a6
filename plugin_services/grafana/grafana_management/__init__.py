"""A Grafana manager as a Plugway plugin."""
