#!/bin/sh
# Sees to it that a Java is there, from the distribution's packages. Hosts of a local deployment share one machine.
set -eu
give_up() {
  echo "install-java: $*" >&2
  exit 1
}
if command -v java >/dev/null 2>&1; then
  java -version 2>&1 | head -n 1
  exit 0
fi
command -v apt-get >/dev/null 2>&1 || give_up "this host has neither java nor apt-get: install a Java runtime and run again"
if [ "$(id -u)" = 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n --preserve-env=DEBIAN_FRONTEND"
else
  give_up "user $(id -un) isn't root and has no sudo without password: install default-jre-headless and run again"
fi
(
  flock -w 900 9 || give_up "another host of this machine has been installing for 900 s"
  if ! command -v java >/dev/null 2>&1; then
    $as_root apt-get -o DPkg::Lock::Timeout=300 update -qq || give_up "apt-get update failed: see its messages above"
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
      default-jre-headless >&2 || give_up "apt-get couldn't install default-jre-headless: see its messages above"
  fi
) 9>"${TMPDIR:-/tmp}/reprise-install-java.lock"
java -version 2>&1 | head -n 1
