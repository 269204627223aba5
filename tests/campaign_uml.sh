#!/usr/bin/env bash
# The campaign over real sch_netem: boots a stock Debian kernel as an ordinary process
# (user-mode-linux, as tests/uml.sh does) and runs tests/campaign.sh --netem with the given options
# in it. There the kernel only answers; it has one processor, and nothing there outlives it, so
# that what went wrong is not kept but drawn again.
set -euo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
# Plain binaries: the address sanitizer's shadow memory does not fit into this kernel.
bin=${TEARDOWN_UML_BIN:-$tests/../build}

for program in linux.uml busybox; do
  command -v "$program" >/dev/null || {
    echo "campaign_uml: $program is missing: scripts/deps.sh test installs it" >&2
    exit 2
  }
done
for program in server client capture; do
  [[ -x $bin/$program ]] || {
    echo "campaign_uml: there is no $program in $bin; run make first" >&2
    exit 2
  }
done

options=("$@")
[[ " $* " == *' --seed '* ]] || options+=(--seed "$(($(date +%s) % 1000000000))")

# The status comes as the last line: a machine has none.
timeout --kill-after 5 3600 linux.uml mem=1G root=/dev/root rootfstype=hostfs hostfs=/ ro quiet \
  init="$tests/campaign_uml_init.sh" teardown_bin="$bin" \
  teardown_options="$(IFS=,; echo "${options[*]}")" con=null con0=null,fd:1 </dev/null 2>/dev/null |
  awk '{ sub(/\r$/, "") }
    /^campaign ended with / { status = $4; over = 1; next }
    /^(#|  |campaign|[0-9]+ closes)/ { print; fflush() }
    END { if (!over) print "campaign_uml: the machine did not come to its end"; exit over ? status : 1 }'
