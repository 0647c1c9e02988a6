#!/usr/bin/env bash
# Fails where the committed stubs are not what the proto files give.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d); trap 'rm -rf "$fresh"' EXIT
./scripts/stubs.sh "$fresh"
diff -r -x __pycache__ "$fresh" proto/gen || { echo "The stubs are stale: run 'make proto' and commit." >&2; exit 1; }
