#!/usr/bin/env bash
# Has Go's own tool build the grpcurl that the tests call the gateway with, once, into the tests' cache.
# Needs Go, its module proxy, and 1 to 3 minutes.
GRPCURL_VERSION=v1.9.3
(
  set -euo pipefail
  program="$HOME/.cache/plugway-tests/grpcurl-$GRPCURL_VERSION"
  [ -x "$program" ] && exit 0
  command -v go >/dev/null || { echo "building grpcurl needs Go" >&2; exit 1; }
  mkdir -p "$(dirname "$program")"
  place=$(mktemp -d "$program.XXXX")
  trap 'rm -rf "$place"' EXIT
  echo "building grpcurl $GRPCURL_VERSION"
  # The work lies beside it: /tmp may be small.
  GOBIN="$place" GOTMPDIR="$place" GOFLAGS=-trimpath \
    go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL_VERSION"
  mv "$place/grpcurl" "$program"
)
