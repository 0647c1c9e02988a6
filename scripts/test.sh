#!/usr/bin/env bash
# The whole suite. Arguments go to pytest; TEST_WORKERS=0 runs it in one process.
set -euo pipefail
cd "$(dirname "$0")/.."
workers=${TEST_WORKERS:-2}
parallel=()
[ "$workers" = 0 ] || parallel=(-n "$workers" --dist worksteal)
exec .venv/bin/python -m pytest "${parallel[@]}" "$@"
