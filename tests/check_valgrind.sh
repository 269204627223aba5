#!/usr/bin/env bash
# The programs as they are installed, under valgrind: nothing is read that was not written, nothing leaks.
# The sanitized ones cannot see the first. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
wants valgrind ss
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
built=$PWD/build/strict

clean() {
  valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible \
    --show-leak-kinds=definite,indirect,possible "$@"
}

# --no-sandbox: valgrind has system calls of its own.
offline() {
  local status=0 to=$scratch/$1
  clean "$built/capture" --no-sandbox --max-flows 100 -r "tests/golden/$1.pcap" --format ladder -v --json "$to.json" \
    --html "$to.html" --svg "$to.svg" --mermaid "$to.mermaid" --rows "$to.rows" -w "$to.pcapng" >/dev/null ||
    status=$?
  ((status <= 1)) && [[ -s $to.html ]]
}

# In a network of its own: the three at once.
live() {
  local server capture status=0 json=$scratch/json
  clean "$built/server" -p 7000 -l 127.0.0.1 --count 12 --close-delay 5 --drain 1000 >/dev/null &
  server=$!
  clean "$built/capture" --no-sandbox --max-flows 100 -i lo -q --closes 12 --duration 100 --json "$json" >/dev/null &
  capture=$!
  until [[ -n $(ss -Hltn 'sport = :7000') || ! -d /proc/$server ]]; do :; done
  until [[ -s $json || ! -d /proc/$capture ]]; do :; done
  clean "$built/client" --count 12 --parallel 4 --close-after 5 --close shutdown --send 5000 127.0.0.1 7000 >/dev/null ||
    status=$?
  wait "$server" || status=$?
  wait "$capture" || status=$?
  return "$status"
}

export built scratch
files=(lost-final-ack reset-unread-data-in-close-wait reuse-server-in-time-wait)
echo 1..$((${#files[@]} + 1))
for file in "${files[@]}"; do check "capture -r $file.pcap" offline "$file"; done
check 'server, client and capture, live' apart bash -c "$(declare -f clean live); live"
