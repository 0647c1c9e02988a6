"""Notes: an example plugin that needs nothing outside of its container."""
