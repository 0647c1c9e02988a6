"""A server that follows Grafana's documented HTTP API (version 10), for tests: its own code, its own data.

Kept apart from the plugin on purpose: it knows the API's documentation and nothing of the plugin.
"""
