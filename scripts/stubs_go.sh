#!/usr/bin/env bash
# Regenerates the Go SDK's committed stubs (or writes them into $1). Needs Go, and its module proxy once.
set -euo pipefail
cd "$(dirname "$0")/.."
package=plugway.dev/sdk-go/internal/pluginv1
out=${1:-plugin_services/sdk/go/internal/pluginv1}
python=${PYTHON:-.venv/bin/python}
# One place for each pair of versions, so that a change of one is never made with the other's program.
go_version=v1.36.12 grpc_version=v1.6.2
bin="${XDG_CACHE_HOME:-$HOME/.cache}/plugway-stubs/$go_version-$grpc_version"
[ -x "$bin/protoc-gen-go" ] || GOBIN="$bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$go_version"
[ -x "$bin/protoc-gen-go-grpc" ] ||
  GOBIN="$bin" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$grpc_version"
mkdir -p "$out"
names=()
for file in http manifest plugin; do
  names+=("--go_opt=Mplugway/plugin/v1/$file.proto=$package" "--go-grpc_opt=Mplugway/plugin/v1/$file.proto=$package")
done
PATH="$bin:$PATH" "$python" -m grpc_tools.protoc -I proto --go_out="$out" --go-grpc_out="$out" \
  --go_opt="module=$package" --go-grpc_opt="module=$package" "${names[@]}" proto/plugway/plugin/v1/*.proto
