"""Recorded calls made again, and how the answers differ."""
