"""What the proxy path costs, beside its peers, in one run: ``python -m tests.benchmarks``."""
