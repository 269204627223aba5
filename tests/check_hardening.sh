#!/usr/bin/env bash
# What the compiler and the linker do against what strangers may send: read from the programs. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/../build/strict" || exit
# shellcheck source-path=SCRIPTDIR source=tap.sh
. ../../tests/tap.sh

# has PROGRAM SECTION PATTERN: a line of what readelf prints of it matches.
has() {
  local said
  said=$(readelf --wide "-$2" "$1" 2>&1)
  grep -qE "$3" <<<"$said" || { printf 'not in it: %s\n%s\n' "$3" "$said" && return 1; }
}

position_independent() { has "$1" h 'Type: +DYN'; }
relocations_read_only() { has "$1" l 'GNU_RELRO' && has "$1" d 'BIND_NOW|Flags:.*NOW'; }
stack_not_executable() { has "$1" l 'GNU_STACK .* RW '; }
stack_guarded() { has "$1" s '__stack_chk_fail'; }
lengths_checked() { has "$1" s '__(snprintf|fprintf|printf|memcpy|read|recv)[a-z_]*_chk'; }
# Debian's C library is built without CET, so the program as a whole does not say that it has it.
jumps_checked() {
  [[ $(uname -m) == x86_64 ]] || { echo "CET is x86_64's, and this is $(uname -m)" && return 77; }
  objdump --disassemble=main "$1" | grep -A 1 '<main>:' | grep endbr64
}

echo 1..18
for program in server client capture; do
  for what in position_independent relocations_read_only stack_not_executable stack_guarded \
    lengths_checked jumps_checked; do
    check "$program: ${what//_/ }" "$what" "$program"
  done
done
