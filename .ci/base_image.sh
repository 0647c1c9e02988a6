#!/usr/bin/env bash
# Makes the base image of plugins with debootstrap, for machines that cannot pull one: Debian's
# smallest system and its Python. May be run or sourced; does nothing where the image is there. Needs root.
set -euo pipefail

export PLUGWAY_BASE_IMAGE=${PLUGWAY_BASE_IMAGE:-plugway-base:bookworm}

make_base_image() {
  local root
  root=$(mktemp -d)
  command -v debootstrap >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
  }
  echo "making $PLUGWAY_BASE_IMAGE with debootstrap"
  debootstrap --variant=minbase --include=python3,ca-certificates bookworm "$root" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    rm -rf "$root"
    return 1
  }
  tar -C "$root" --one-file-system --exclude=./var/cache/apt --exclude=./var/lib/apt/lists \
    --exclude=./usr/share/doc --exclude=./usr/share/man --exclude=./usr/share/locale -c . |
    docker import --change 'ENV LANG=C.UTF-8' - "$PLUGWAY_BASE_IMAGE" >/dev/null
  rm -rf "$root" "$root.log"
}

if ! docker image inspect "$PLUGWAY_BASE_IMAGE" >/dev/null 2>&1; then make_base_image; fi
echo "base image $PLUGWAY_BASE_IMAGE is there"
