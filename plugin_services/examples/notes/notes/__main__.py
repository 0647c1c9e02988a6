"""``python -m notes`` serves the plugin."""

from plugway_sdk import serve

from notes.app import plugin

serve(plugin)
