#!/usr/bin/env bash
# Closes through server, client and capture for SOAK seconds (soak.py). Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
wants python3 ss
export TEARDOWN_BIN=$PWD/build/strict

echo 1..1
check 'a verdict for each close, and nothing grows' apart tests/soak.py "${SOAK:-4}"
