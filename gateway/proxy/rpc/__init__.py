"""Native gRPC: calls of plugins' services by gRPC clients, on the port of everything else."""
