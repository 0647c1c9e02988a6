#!/usr/bin/env bash
# Regenerates the committed stubs of the contract into proto/gen (or into $1).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-proto/gen}
python=${PYTHON:-.venv/bin/python}
bin=$(dirname "$python")
mkdir -p "$out"
PATH="$bin:$PATH" "$python" -m grpc_tools.protoc -I proto \
  --python_out="$out" --grpc_python_out="$out" --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
  proto/plugway/plugin/v1/*.proto
# The notes example's typed service; the annotations come with googleapis-common-protos.
notes=${2:-plugin_services/examples/notes}
commons=$("$python" -c 'import google.api.http_pb2 as m, pathlib; print(pathlib.Path(m.__file__).parents[2])')
PATH="$bin:$PATH" "$python" -m grpc_tools.protoc -I plugin_services/examples/notes/proto -I "$commons" \
  --python_out="$notes" --grpc_python_out="$notes" --mypy_out="quiet:$notes" --mypy_grpc_out="quiet:$notes" \
  plugin_services/examples/notes/proto/notes/v1/notes.proto
# The Node SDK reads the proto files themselves, so its package has a copy.
node=${3:-plugin_services/sdk/node/proto}
rm -rf "$node" && mkdir -p "$node" && cp -r proto/plugway "$node/"
