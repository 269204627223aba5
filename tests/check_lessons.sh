#!/usr/bin/env bash
# Views for learning, --step, --predict and --worksheet: check_lessons.py. Prints TAP.
set -u
cd "$(dirname "$0")" || exit
exec python3 check_lessons.py "${TEARDOWN_BIN:-../build/san}/capture" golden
