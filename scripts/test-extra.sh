#!/usr/bin/env bash
# The tests that need more than Node and npm: installs what they need, then runs them. A missing part is a failure here.
# Those of the clouds and of the deployed control plane have scripts of their own: test-clouds.sh, test-deployed.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then bash scripts/install-extra.sh; fi
export REPRISE_EXTRA=1
exec node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js --runInBand 'extra\.test\.ts$' \
  --testPathIgnorePatterns /node_modules/ /fixtures/ /test/clouds/ /test/deployed/ other-emulators "$@"
