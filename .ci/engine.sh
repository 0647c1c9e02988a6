#!/usr/bin/env bash
# Makes sure that a Docker engine answers: installs Debian's where there is none, starts it where
# none runs. May be run or sourced; does nothing where one answers already. Needs root.
set -euo pipefail

engine_answers() { command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; }

# A killed engine leaves its pid files, and a new one refuses to start as long as any process,
# whichever, has that number.
engine_forget_pid() {
  local file=$1 pid
  [ -e "$file" ] || return 0
  pid=$(cat "$file" 2>/dev/null || true)
  case "$(cat "/proc/${pid:-none}/comm" 2>/dev/null || true)" in
    dockerd | containerd) ;;
    *) rm -f "$file" ;;
  esac
}

# Where no init system has done it (in a bare virtual machine), the engine's limits need control groups.
engine_mount_cgroups() {
  if mountpoint -q /sys/fs/cgroup; then return 0; fi
  mount -t tmpfs -o mode=0755 cgroup /sys/fs/cgroup || return 0
  local controller
  for controller in $(awk '!/^#/ { if ($4 == 1) print $1 }' /proc/cgroups); do
    mkdir -p "/sys/fs/cgroup/$controller"
    mount -n -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
}

engine_start() {
  local run=${ENGINE_RUN:-/var/run} log=${ENGINE_LOG:-/var/log/dockerd.log}
  engine_mount_cgroups
  engine_forget_pid "$run/docker.pid"
  engine_forget_pid "$run/docker/containerd/containerd.pid"
  # shellcheck disable=SC2086  # several options in one variable
  setsid nohup dockerd ${ENGINE_OPTIONS:-} >"$log" 2>&1 </dev/null &
  local waited=0
  until engine_answers; do
    waited=$((waited + 1))
    if [ $waited -gt 60 ]; then
      echo "no Docker engine answers after 60 s; the end of $log:" >&2
      tail -n 20 "$log" >&2
      return 1
    fi
    sleep 1
  done
}

if ! engine_answers; then
  command -v dockerd >/dev/null || {
    echo "installing Debian's Docker engine"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
  }
  # The package may have started it, and it may only need a moment.
  for _ in 1 2 3; do engine_answers && break; sleep 1; done
  engine_answers || engine_start
fi
echo "Docker engine $(docker version --format '{{.Server.Version}}') answers"
