"""What the proxy path costs, beside its peers, in one run: ``python -m tests.benchmarks``."""

import os
import sys

# Measured as it is used: an environment that forbids Python to keep its byte code (those of images often do)
# has each program compile every module again at each of its starts, which is half of a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
