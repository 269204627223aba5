#!/usr/bin/env bash
# Closes that are easily read wrongly: check_cases.py. Prints TAP.
set -u
cd "$(dirname "$0")" || exit
exec python3 check_cases.py "${TEARDOWN_BIN:-../build/san}/capture"
