#!/usr/bin/env bash
# Every call that can fail does, one at a time (fail_calls.py). Prints TAP. With FAIL_CALLS=all every case,
# with sanitizers; else a few, and each place once.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
wants python3 objdump ss
if [[ ${FAIL_CALLS-} == all ]]; then
  cases=()
  export TEARDOWN_BIN=$PWD/build/san
else
  cases=(--first 1 files server client)
  export TEARDOWN_BIN=$PWD/build/strict
  make --no-print-directory build/tests/fail_calls.so >/dev/null || exit
fi
apart tests/fail_calls.py "${cases[@]}"
