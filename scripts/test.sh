#!/usr/bin/env bash
# The whole suite. Arguments go to pytest; TEST_WORKERS=0 runs it in one process. With TEST_AGAIN=N
# up to N tests that failed beside the others are asked once more, alone, and named if they pass then.
set -euo pipefail
cd "$(dirname "$0")/.."
workers=${TEST_WORKERS:-2} again=${TEST_AGAIN:-0}
python=.venv/bin/python
failed=.pytest_cache/v/cache/lastfailed
parallel=()
[ "$workers" = 0 ] || parallel=(-n "$workers" --dist worksteal)
[ "$again" = 0 ] || rm -f "$failed" # It keeps the failures of earlier runs too.
# Else each of the hundreds of programs that tests start compiles every module again.
unset PYTHONDONTWRITEBYTECODE
result=0
"$python" -m pytest "${parallel[@]}" "$@" || result=$?
# 1: tests failed. Anything else (nothing collected, a usage error, an interrupt) is no matter of chance.
[ $result = 1 ] && [ "$again" -gt 0 ] || exit $result

count=$("$python" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' "$failed")
if [ "$count" -gt "$again" ]; then
  echo "$count tests failed; more than $again are not asked again"
  exit $result
fi
mapfile -t names < <("$python" -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$failed")
printf '\n== failed beside the others; asked once more, alone\n'
printf '%s\n' "${names[@]}"
"$python" -m pytest "${names[@]}"
printf '\n== passed alone after they failed beside the others; each is a fault to find\n'
printf '%s\n' "${names[@]}"
