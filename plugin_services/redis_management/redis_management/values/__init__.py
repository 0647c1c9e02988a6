"""One module for each type of value: its pages, and its changes."""
