#!/bin/sh
# Sees to it that redis-server, redis-cli and redis-benchmark are there, from the distribution's packages.
# Hosts of a local deployment share one machine: one installs, the others wait for it.
set -eu
tools="redis-server redis-cli redis-benchmark"

missing() {
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
  done
}

give_up() {
  echo "install-redis: $*" >&2
  exit 1
}

# Only what is installed here is stopped here: a Redis that this machine already ran stays as it is.
install() {
  as_root=$1
  $as_root apt-get -o DPkg::Lock::Timeout=300 update -qq || give_up "apt-get update failed: see its messages above"
  DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
    redis-server redis-tools >&2 || give_up "apt-get couldn't install redis-server: see its messages above"
  # The package starts a server of its own, which would share the CPUs with the one under test.
  if command -v systemctl >/dev/null 2>&1; then $as_root systemctl disable --now redis-server >&2 || true; fi
}

if [ -n "$(missing)" ]; then
  command -v apt-get >/dev/null 2>&1 ||
    give_up "not there: $(missing). This host has no apt-get: install Redis 6.2 or newer and run again"
  if [ "$(id -u)" = 0 ]; then
    as_root=
  elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n --preserve-env=DEBIAN_FRONTEND"
  else
    give_up "not there: $(missing). User $(id -un) isn't root and has no sudo without password:" \
      "run \`sudo apt-get install redis-server redis-tools\` on this host and run again"
  fi
  (
    flock -w 500 9 || give_up "another host of this machine has been installing for 500 s"
    if [ -n "$(missing)" ]; then install "$as_root"; fi
  ) 9>"${TMPDIR:-/tmp}/reprise-install-redis.lock"
fi
[ -z "$(missing)" ] || give_up "still not there after the installation: $(missing)"

# Before 6.2, redis-benchmark's CSV had no latencies.
version=$(redis-benchmark --version | sed -n 's/^redis-benchmark \([0-9]*\.[0-9]*\).*/\1/p')
major=${version%%.*} minor=${version#*.}
if [ -z "$version" ] || [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
  give_up "redis-benchmark is ${version:-of unknown version}; its CSV has latencies since 6.2 (Debian 12, Ubuntu 24.04)"
fi
echo "redis-benchmark $version"
