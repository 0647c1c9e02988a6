#!/usr/bin/env bash
# Has Go's own tool build the Grafana that the tests run against, once, into the tests' cache: its server
# without pages. The module proxy has no release of it, but this state of the days before 10.0.0.
# Needs Go, a C compiler, and 5 to 10 minutes.
GRAFANA_VERSION=v1.9.2-0.20230609164553-81d85ce8028d
(
  set -euo pipefail
  built="$HOME/.cache/plugway-tests/grafana-$GRAFANA_VERSION"
  [ -d "$built" ] && exit 0
  for program in go cc; do
    command -v "$program" >/dev/null || { echo "building Grafana needs $program" >&2; exit 1; }
  done
  mkdir -p "$(dirname "$built")"
  place=$(mktemp -d "$built.XXXX")
  trap 'rm -rf "$place"' EXIT
  echo "building Grafana $GRAFANA_VERSION"
  # Libraries of its time do not build with a later Go.
  export GOTOOLCHAIN=go1.20.14 GOTMPDIR="$place" GOFLAGS=-trimpath
  found=$(cd "$place" && go mod download -json "github.com/grafana/grafana@$GRAFANA_VERSION")
  source=$(sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' <<<"$found")
  cp -r "$source" "$place/source"
  chmod -R u+w "$place/source"
  cd "$place/source"
  # What ties its parts together is not kept in its source, but made.
  GOBIN="$place" GOFLAGS= go install github.com/google/wire/cmd/wire@v0.5.0
  "$place/wire" gen -tags oss ./pkg/server
  go build -tags oss -ldflags "-s -w -X main.version=10.0.0-preview" -o "$place/built/grafana" ./pkg/cmd/grafana
  # The server reads what it can do from there; its pages, which it has not, are made by other tools.
  mkdir -p "$place/built/public"
  cp -r conf "$place/built/"
  cp -r public/app public/emails public/views public/dashboards "$place/built/public/"
  find "$place/built/public/app" -type f ! -name '*.json' -delete
  find "$place/built/public/app" -type d -empty -delete
  mv "$place/built" "$built"
)
