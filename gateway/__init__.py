"""Plugway's gateway: registry, runtimes, supervisor, data plane, management."""

__version__ = "0.1.0"
CONTRACT_VERSIONS = (1,)
