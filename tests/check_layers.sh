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

# Every source of the programs but these.
others() { # others FILE...
  git ls-files 'common/*.[ch]' 'capture/*.[ch]' 'server/*.[ch]' 'client/*.[ch]' |
    grep -vxF "$(printf '%s\n' "$@")" | tr '\n' ' '
}
# The sources of these folders, without those below them.
layer() { # layer FOLDER...
  git ls-files "${@/%//*.[ch]}" | grep -E "^($(IFS='|' && echo "$*"))/[^/]+$" | tr '\n' ' '
}

echo 1..18
check 'only source includes pcap' "$(others capture/source.c)" 'pcap'
check 'only input includes zlib' "$(others capture/input.c)" 'zlib'
check 'savefile knows octets alone: no file, no clock, no other stage' \
  "capture/savefile.c capture/savefile.h capture/packet.h" \
  '(stdio|unistd|fcntl|errno|time|sys/|poll|common/|capture/[^sp]|capture/source)'
# What includes what, by names without their ending: tsort stops at a circle.
n=$((n + 1))
graph=$(git ls-files '*.[ch]' | grep -E '^(common|capture|client|server)/' | while read -r file; do
  sed -nE "s|^#include \"(.*)\\.h\"|${file%.*} \1|p" "$file"
done | awk '$1 != $2')
if circle=$(tsort <<<"$graph" 2>&1 >/dev/null); then
  echo "ok $n - the includes make no circle"
else
  echo "not ok $n - the includes make no circle"
  printf '%s\n' "$circle" | sed 's/^/# /'
fi
check 'only common/peer includes libuv' \
  "$(layer common common/model capture capture/kernel capture/report)" 'uv\.h'
check 'only sandbox includes libcap-ng and libseccomp' "$(others capture/sandbox.c)" '(cap-ng|seccomp)'
check 'only flow includes xxHash' "$(others capture/flow.c)" 'xxhash'
check 'only kernel/diag includes libmnl and netlink' "$(others capture/kernel/diag.c)" \
  '(libmnl|linux/(netlink|rtnetlink|inet_diag|sock_diag))'
check 'only kernel/trace includes perf events' "$(others capture/kernel/trace.c)" 'linux/perf_event'
check 'common/model includes nothing but itself' "$(layer common/model)" \
  '(common/[^m]|common/model[^/]|capture/|server/|client/)'
check 'the model has no clock, no allocation, no files' "$(layer common/model)" \
  '(time|stdlib|unistd|sys/|fcntl|poll)'
check 'common/peer knows no model, and nothing above it' "$(layer common/peer)" \
  '(common/model|capture/|server/|client/)'
check 'common knows no folder' "$(layer common)" '(common/.*/|capture/|server/|client/)'
check 'decode knows no state' "capture/decode.c capture/decode.h" \
  'common/model/(model|endpoint|transition|tcp_state|verdict|loss|expectation|finding)'
check 'decode calls no later stage' "capture/decode.c capture/decode.h" \
  'capture/(flow|watch|report/|source)'
check 'flow calls no later stage' "capture/flow.c capture/flow.h" 'capture/(watch|report/|source)'
check 'reports see steps, never packets or the watch' "$(layer capture/report)" \
  'capture/(source|watch)'
check 'the kernel witness knows neither reports nor the watch' "$(layer capture/kernel)" \
  'capture/(source|watch|report/)'
