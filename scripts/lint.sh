#!/usr/bin/env bash
# Every check that reads and changes nothing. All of them run, then the worst result counts.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
failed=()
check() { local name=$1; shift; echo "== $name"; "$@" || failed+=("$name"); }
check "ruff" ruff check .
check "format" ruff format --check .
check "mypy" mypy gateway tests plugin_services/sdk/plugway_sdk
types_of_plugin() { (cd "$1" && MYPYPATH="../../$3proto/gen:../$3sdk:." mypy --config-file "../../$3pyproject.toml" "$2"); }
check "mypy notes" types_of_plugin plugin_services/examples/notes notes ../
check "mypy redis" types_of_plugin plugin_services/redis_management redis_management ""
check "mypy minio" types_of_plugin plugin_services/minio_management minio_management ""
check "mypy grafana" types_of_plugin plugin_services/grafana grafana_management ""
check "mypy power bi" types_of_plugin plugin_services/power_bi power_bi ""
check "mypy adapter" types_of_plugin plugin_services/web_adapter web_adapter ""
check "layers" lint-imports
check "proto" sh -c 'cd proto && buf lint'
check "stubs" ./scripts/stubs_current.sh
if [ ${#failed[@]} -gt 0 ]; then echo "failed: ${failed[*]}" >&2; exit 1; fi
echo "lint: all good"
