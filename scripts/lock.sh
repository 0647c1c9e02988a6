#!/usr/bin/env bash
# Rewrites the lock files from pyproject.toml and requirements/*.in.
# The files carry hashes and no index address, so they hold with any mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" "$@"
}
compile pyproject.toml requirements/run.in --extra postgresql --extra traces -o requirements/run.lock
compile pyproject.toml requirements/run.in requirements/dev.in --extra postgresql --extra traces -c requirements/run.lock -o requirements/dev.lock
