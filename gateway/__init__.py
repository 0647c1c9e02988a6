"""Plugway's gateway: registry, runtimes, supervisor, data plane, management."""

import os

__version__ = "0.1.0"
CONTRACT_VERSIONS = (1,)

# Whatever is forked here becomes another program at once. Without this gRPC, which reads it when it is
# imported, says for each that its handlers for forks are left out. No plugin is given it.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
