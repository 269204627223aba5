#!/usr/bin/env bash
# Every call that can fail does, one at a time (fail_calls.py). Prints TAP. With FAIL_CALLS=all every case,
# with sanitizers; else a few, and each place once.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
for tool in python3 objdump ss; do
  command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool: scripts/deps.sh test installs it" && exit; }
done
if [[ ${FAIL_CALLS-} == all ]]; then
  cases=()
  export TEARDOWN_BIN=$PWD/build/san
else
  cases=(--first 1 files server client)
  export TEARDOWN_BIN=$PWD/build/strict
  make --no-print-directory build/tests/fail_calls.so >/dev/null || exit
fi
enter=(unshare --net)
((EUID == 0)) || enter+=(--user --map-root-user)
# shellcheck disable=SC2016 # for the inner shell
"${enter[@]}" sh -c 'ip link set lo up && exec tests/fail_calls.py "$@"' - "${cases[@]}"
