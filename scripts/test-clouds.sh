#!/usr/bin/env bash
# The three clouds without a cloud: AWS' provider against other people's emulators (installed from PyPI by the tests), and
# at the same time the whole command line, over real HTTPS and SSH, against our own, whose machines are real hosts. Needs
# root for those (machines are namespaces) and what scripts/install-extra.sh installs; a missing part is a failure here.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then bash scripts/install-extra.sh; fi
export REPRISE_EXTRA=1
jest=(node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js)
others=$(mktemp)
"${jest[@]}" --runInBand 'test/providers/aws/other-emulators\.extra\.test\.ts$' "$@" >"$others" 2>&1 &
other_pid=$!
# A network of its own: the clouds' addresses are always the same, and two of these may run at once.
alone=()
if [ "$(id -u)" = 0 ]; then alone=(unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh); fi
status=0
"${alone[@]}" "${jest[@]}" --maxWorkers=2 --maxConcurrency=6 'test/clouds/.*\.extra\.test\.ts$' "$@" || status=$?
wait "$other_pid" || status=$?
cat "$others" >&2
rm -f "$others"
exit "$status"
