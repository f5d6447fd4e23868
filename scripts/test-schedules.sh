#!/usr/bin/env bash
# Thousands of seeded schedules of faults, on the real SDKs and our emulator in this process, on a virtual clock: the
# three providers by themselves, then the whole flow over each of them. A failing seed is printed and can be replayed.
set -euo pipefail
cd "$(dirname "$0")/.."
jest=(node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js)
REPRISE_SCHEDULES=700 "${jest[@]}" 'test/providers/(aws/recovery|azure/faults|gcp/faults)\.test\.ts$' "$@"
REPRISE_SCHEDULES=100 "${jest[@]}" 'test/providers/policy/schedules\.test\.ts$' "$@"
