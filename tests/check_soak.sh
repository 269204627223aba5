#!/usr/bin/env bash
# Closes through server, client and capture for SOAK seconds (soak.py). Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
for tool in python3 ss; do
  command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool: scripts/deps.sh test installs it" && exit; }
done
export TEARDOWN_BIN=$PWD/build/strict
enter=(unshare --net)
((EUID == 0)) || enter+=(--user --map-root-user)

echo 1..1
# shellcheck disable=SC2016 # for the inner shell
check 'a verdict for each close, and nothing grows' \
  "${enter[@]}" sh -c 'ip link set lo up && exec tests/soak.py "$1"' - "${SOAK:-4}"
