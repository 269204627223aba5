#!/usr/bin/env bash
# One close, told in many ways: check_variations.py. Prints TAP. The sanitized programs read the same
# captures elsewhere.
set -u
cd "$(dirname "$0")" || exit
exec python3 check_variations.py "${TEARDOWN_UML_BIN:-../build/strict}/capture"
