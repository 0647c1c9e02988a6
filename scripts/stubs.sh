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
