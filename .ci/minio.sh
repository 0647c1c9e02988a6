#!/usr/bin/env bash
# Has Go's own tool build the MinIO that the tests run against, once, into the tests' cache.
# No release of it is in a package of Debian. Needs Go, its module proxy, and 5 to 9 minutes.
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
(
  set -euo pipefail
  program="$HOME/.cache/plugway-tests/minio-$MINIO_VERSION"
  [ -x "$program" ] && exit 0
  command -v go >/dev/null || { echo "building MinIO needs Go" >&2; exit 1; }
  mkdir -p "$(dirname "$program")"
  place=$(mktemp -d "$program.XXXX")
  trap 'rm -rf "$place"' EXIT
  echo "building MinIO $MINIO_VERSION"
  # The work lies beside it: /tmp may be small.
  GOBIN="$place" GOTMPDIR="$place" GOFLAGS=-trimpath go install "github.com/minio/minio@$MINIO_VERSION"
  mv "$place/minio" "$program"
)
