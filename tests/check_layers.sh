#!/usr/bin/env bash
# The layers hold: who may include which library, and nobody calls an earlier stage. Prints TAP.
set -u
cd "$(dirname "$0")/.." || exit 1

# shellcheck source=tests/tap.sh
. tests/tap.sh

# excludes PATTERN FILES: none of these files includes anything that matches.
excludes() {
  local -a files
  read -ra files <<<"$2"
  ((${#files[@]})) || { echo 'there are no such files' && return 1; }
  grep -nE "^#include [<\"]($1)" "${files[@]}"
  [ $? = 1 ] # searched, and nothing matched; 2: a file is missing
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

echo 1..19
check 'only source and what it stands on include pcap' excludes 'pcap' "$(others capture/{source,dump,link_type}.c)"
check 'only input includes zlib' excludes 'zlib' "$(others capture/input.c)"
check 'savefile knows octets alone: no file, no clock, no other stage' \
  excludes '(stdio|unistd|fcntl|errno|time|sys/|poll|common/|capture/[^sp]|capture/source)' 'capture/savefile.c capture/savefile.h capture/packet.h'
# What includes what, by names without their ending: tsort stops at a circle.
makes_no_circle() {
  local graph
  graph=$(git ls-files '*.[ch]' | grep -E '^(common|capture|client|server)/' | while read -r file; do
    sed -nE "s|^#include \"(.*)\\.h\"|${file%.*} \1|p" "$file"
  done | awk '$1 != $2')
  tsort <<<"$graph" >/dev/null
}
check 'the includes make no circle' makes_no_circle
check 'only common/peer includes libuv' \
  excludes 'uv\.h' "$(layer common common/model capture capture/kernel capture/report)"
check 'only sandbox includes libcap-ng and libseccomp' \
  excludes '(cap-ng|seccomp)' "$(others capture/sandbox.c)"
check 'only report/table includes ncurses' excludes 'ncurses' "$(others capture/report/table.c)"
check 'only kernel/diag includes libmnl and netlink' \
  excludes '(libmnl|linux/(netlink|rtnetlink|inet_diag|sock_diag))' "$(others capture/kernel/diag.c)"
check 'only kernel/trace and kernel/idle include perf events' excludes 'linux/(perf_event|bpf)' "$(others capture/kernel/{trace,idle}.c)"
check 'common/model includes nothing but itself' \
  excludes '(common/[^m]|common/model[^/]|capture/|server/|client/)' "$(layer common/model)"
check 'the model has no clock, no allocation, no files' \
  excludes '(time|stdlib|unistd|sys/|fcntl|poll)' "$(layer common/model)"
check 'common/peer knows no model, and nothing above it' \
  excludes '(common/model|capture/|server/|client/)' "$(layer common/peer)"
check 'common knows no folder' excludes '(common/.*/|capture/|server/|client/)' "$(layer common)"
check 'decode knows no state' \
  excludes 'common/model/(model|endpoint|transition|tcp_state|verdict|loss|expectation|finding)' "$(git ls-files 'capture/decode*' | tr '\n' ' ')"
check 'decode calls no later stage' \
  excludes 'capture/(flow|watch|report/|source)' "$(git ls-files 'capture/decode*' | tr '\n' ' ')"
check 'flow calls no later stage' excludes 'capture/(watch|report/|source)' "$(git ls-files 'capture/flow*' | tr '\n' ' ')"
check 'reports see steps, never packets or the watch' \
  excludes 'capture/(source|watch)' "$(layer capture/report)"
check 'the kernel witness knows neither reports nor the watch' \
  excludes 'capture/(source|watch|report/)' "$(layer capture/kernel)"
# Some versions of a library's header bring it in, others do not.
asserts_by_assert_h() {
  local lacking
  lacking=$(git grep -lE '^ *static_assert' -- '*.[ch]' | xargs grep -L '#include <assert.h>')
  echo "$lacking"
  [[ -z $lacking ]]
}
check 'who says static_assert includes <assert.h>' asserts_by_assert_h
