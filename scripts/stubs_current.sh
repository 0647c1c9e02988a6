#!/usr/bin/env bash
# Fails where the committed stubs are not what the proto files give.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d); trap 'rm -rf "$fresh"' EXIT
mkdir "$fresh/contract" "$fresh/notes" "$fresh/go"
./scripts/stubs.sh "$fresh/contract" "$fresh/notes" "$fresh/node"
go_stubs=plugin_services/sdk/go/internal/pluginv1
if command -v go >/dev/null; then
  ./scripts/stubs_go.sh "$fresh/go"
else
  echo "The Go SDK's stubs are not compared: there is no Go here." >&2
  [ -z "${CI:-}" ] || exit 1
  cp "$go_stubs"/*.go "$fresh/go"
fi
diff -r -x __pycache__ "$fresh/contract" proto/gen &&
  diff -r -x __pycache__ "$fresh/notes/notes/v1" plugin_services/examples/notes/notes/v1 &&
  diff -r "$fresh/node" plugin_services/sdk/node/proto &&
  diff -r "$fresh/go" "$go_stubs" ||
  { echo "The stubs are stale: run 'make proto' (and ./scripts/stubs_go.sh) and commit." >&2; exit 1; }
