#!/usr/bin/env bash
# Makes .venv with the locked packages: `scripts/venv.sh run` or `scripts/venv.sh dev`.
# uv is used for speed; where it cannot reach the packages, pip does the same with its own settings.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-run}
stamp=.venv/.$kind
sources="requirements/$kind.lock pyproject.toml plugin_services/sdk/pyproject.toml scripts/venv.sh"
fresh=yes
for file in $sources; do [ "$stamp" -nt "$file" ] || fresh=no; done
[ $fresh = yes ] && exit 0

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Plugway needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
[ -x .venv/bin/python ] || { echo "making .venv"; "$python" -m venv .venv; }
echo "installing packages ($kind)"
# Compiling ahead is left to first use, which halves the time to the first page. Where the environment forbids
# to keep what is compiled then, it is done here: else each start does it again, and takes twice as long.
[ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || export UV_COMPILE_BYTECODE=1
install() {
  if [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet "uv>=0.9"; then
    VIRTUAL_ENV="$PWD/.venv" .venv/bin/uv pip install --quiet "$@" && return
    echo "uv could not install them, trying pip" >&2
  fi
  .venv/bin/python -m pip install --quiet "$@"
}
install --require-hashes -r "requirements/$kind.lock"
install --no-deps --no-build-isolation -e . -e plugin_services/sdk
touch "$stamp"
[ "$kind" = dev ] && touch .venv/.run || true
