#!/usr/bin/env bash
# The layers hold: who may include which library, and nobody calls an earlier stage. Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

n=0
# check NAME WHERE PATTERN: no file of WHERE includes anything that matches PATTERN.
check() {
  n=$((n + 1))
  local found status
  # shellcheck disable=SC2086 # WHERE is a list of files
  found=$(grep -nE "^#include [<\"]($3)" $2 2>&1)
  status=$? # 1: searched, and nothing matched; 2: a file is missing
  if [ "$status" = 1 ]; then
    echo "ok $n - $1"
  else
    echo "not ok $n - $1"
    printf '%s\n' "$found" | sed 's/^/# /'
  fi
}

others() { # others FILE... : every source but these
  git ls-files 'common/*.[ch]' 'capture/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' |
    grep -vxF "$(printf '%s\n' "$@")" | tr '\n' ' '
}
pure=$(git ls-files 'common/*.[ch]' | grep -vE 'common/(peer(_[a-z]+)?|cli)\.' | tr '\n' ' ')

echo 1..13
check 'only source includes pcap' "$(others capture/source.c)" 'pcap'
check 'only peer includes libuv' \
  "$(others common/peer.h common/peer_group.h common/peer_socket.h)" 'uv\.h'
check 'only flow includes xxHash' "$(others capture/flow.c)" 'xxhash'
check 'only report_json includes json-c' "$(others capture/report_json.c)" 'json-c'
check 'only kernel_diag includes libmnl and netlink' "$(others capture/kernel_diag.c)" \
  '(libmnl|linux/(netlink|rtnetlink|inet_diag|sock_diag))'
check 'only kernel_trace includes libtracefs and libtraceevent' "$(others capture/kernel_trace.c)" \
  '(tracefs|kbuffer|event-parse|trace-seq)'
check 'common knows nothing of capture, server and client' "$pure" '(capture|server|client)/'
check 'the model has no clock, no allocation, no files' "$pure" '(time|stdlib|unistd|sys/|fcntl|poll)'
check 'decode knows no state' "capture/decode.c capture/decode.h" \
  'common/(model|endpoint|transition|tcp_state|verdict|loss|expectation|finding)'
check 'decode calls no later stage' "capture/decode.c capture/decode.h" 'capture/(flow|watch|report|source)'
check 'flow calls no later stage' "capture/flow.c capture/flow.h" 'capture/(watch|report|source)'
check 'reports see steps, never packets or the watch' "capture/report_*.c capture/report.h" \
  'capture/(source|watch)'
check 'text knows no report' "capture/text.c capture/text.h" 'capture/(report|watch|source|flow)'
