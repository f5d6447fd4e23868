#!/usr/bin/env bash
# Runs against three emulated clouds whose machines are real hosts: the whole command line, over real HTTPS and SSH.
# Needs root (machines are namespaces) and what scripts/install-extra.sh installs; a missing part is a failure here.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then bash scripts/install-extra.sh; fi
export REPRISE_EXTRA=1
run=(node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js --runInBand
  'test/(clouds|emulators)/.*\.test\.ts$' "$@")
# A network of its own: the clouds' addresses are always the same, and two of these may run at once.
if [ "$(id -u)" = 0 ]; then
  exec unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh "${run[@]}"
fi
exec "${run[@]}"
