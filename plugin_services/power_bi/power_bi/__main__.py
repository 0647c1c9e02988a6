"""The plugin's process."""

import gc

# What is imported stays, and looking for garbage among it is a tenth of a start. serve() turns it on.
gc.disable()

from plugway_sdk import serve  # noqa: E402

from power_bi.plugin import create_plugin  # noqa: E402

if __name__ == "__main__":
    serve(create_plugin())
