#!/usr/bin/env bash
# Fails where the committed stubs are not what the proto files give.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d); trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/contract" "$fresh/notes"
./scripts/stubs.sh "$fresh/contract" "$fresh/notes" "$fresh/node"
diff -r -x __pycache__ "$fresh/contract" proto/gen &&
  diff -r -x __pycache__ "$fresh/notes/notes/v1" plugin_services/examples/notes/notes/v1 &&
  diff -r "$fresh/node" plugin_services/sdk/node/proto ||
  { echo "The stubs are stale: run 'make proto' and commit." >&2; exit 1; }
