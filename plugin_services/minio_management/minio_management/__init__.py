"""A MinIO manager as a Plugway plugin."""
