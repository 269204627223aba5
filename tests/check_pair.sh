#!/usr/bin/env bash
# Two vantage points: files as they were recorded, and what may befall one of them. Prints TAP.
set -u
cd "$(dirname "$0")" || exit
exec python3 two_taps/views.py "${TEARDOWN_BIN:-../build}/capture"
