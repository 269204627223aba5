#!/usr/bin/env bash
# The page of --html in a browser: every step of every golden capture against its NDJSON, keys, play,
# prediction, links, layout, contrast, and what hostile names may do to it. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
export CAPTURE=${TEARDOWN_BIN:-$PWD/../build/san}/capture GENERATE=$PWD/../build/strict/bench/generate
if ! ./python_with.sh selenium -c '' 2>/dev/null || ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  echo '1..0 # SKIP no chromium, chromedriver or python3-selenium: scripts/deps.sh test installs them'
  exit
fi
make --no-print-directory -C .. STRICT=1 bench-programs >/dev/null || exit
exec timeout 800 ./python_with.sh selenium check_page.py
