"""``python -m notes`` serves the plugin."""

import gc

# What is imported stays, and looking for garbage among it is a tenth of a start. serve() turns it on.
gc.disable()

from plugway_sdk import serve  # noqa: E402

from notes.app import plugin  # noqa: E402

serve(plugin)
