"""Runs a plugin that has no server of its own for the contract: files for a page, a proxy for an HTTP API."""
