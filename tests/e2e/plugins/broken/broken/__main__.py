"""A plugin that cannot start."""

import sys

sys.exit("the licence file is missing")
