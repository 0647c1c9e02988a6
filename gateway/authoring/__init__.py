"""For authors: a new plugin from a template, and its code run beside a gateway while it is written."""
