#!/usr/bin/env bash
# The quickstart on every real cloud that the environment is logged in to, within a budget (REPRISE_REAL_DOLLARS, 0.50 a
# cloud), with a receipt and an empty account at its end. Costs cents. Where nobody is logged in, that is said, and no more.
set -euo pipefail
cd "$(dirname "$0")/.."
npm run --silent build
exec node --import tsx test/real/main.ts "$@"
