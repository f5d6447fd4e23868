#!/usr/bin/env bash
# Deploys the stack for real into emulators (installed from PyPI into the OS's temp folder), runs experiments on it, and
# deletes it again. Needs Node, npm, python3 with venv; no account anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v python3 >/dev/null || { echo "python3 is needed for the emulators" >&2; exit 1; }
npm run --silent build
export REPRISE_EXTRA=1
exec node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js --runInBand 'test/deployed/.*extra\.test\.ts$' "$@"
