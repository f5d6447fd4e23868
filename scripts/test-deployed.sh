#!/usr/bin/env bash
# Deploys the stack for real into emulators (installed from PyPI into the OS's temp folder), runs experiments on it, on this
# machine and on the machines of three emulated clouds, and deletes it again. No account anywhere. Needs Node, npm, python3
# with venv; for the clouds' machines, which are real hosts in namespaces, root and what scripts/install-extra.sh installs: a
# missing part is a failure here.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then bash scripts/install-extra.sh; fi
command -v python3 >/dev/null || { echo "python3 is needed for the emulators" >&2; exit 1; }
npm run --silent build
# Before the network is left.
node --import tsx --input-type=module --no-warnings -e '
  import { ministackProgram, motoProgram } from "./test/deployed/rig/python-tools.ts";
  ministackProgram();
  motoProgram();
'
# A network of its own: the clouds' addresses are always the same, and two of these may run at once.
alone=()
if [ "$(id -u)" = 0 ]; then alone=(unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh); fi
export REPRISE_EXTRA=1
exec "${alone[@]}" node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js --runInBand 'test/deployed/.*extra\.test\.ts$' "$@"
