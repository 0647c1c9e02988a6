"""HTTP/2 towards clients: the protocol by the library h2, its limits and its bridge to ASGI by us."""
