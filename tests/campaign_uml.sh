#!/usr/bin/env bash
# The campaign over real sch_netem: runs tests/campaign.sh --netem with the given options in
# user-mode Linux. There the kernel only answers, and it has one processor. Status 77: there is none on
# this machine.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../scripts/uml_boot.sh
source "$(dirname "$0")/../scripts/uml_boot.sh"

for program in server client capture; do
  [[ -x $uml_bin/$program ]] || {
    echo "campaign_uml: there is no $program in $uml_bin; run make first" >&2
    exit 2
  }
done
if refusal=$(uml_refusal); then
  echo "campaign_uml: $refusal" >&2
  exit 77
fi

options=("$@")
[[ " $* " == *' --seed '* ]] || options+=(--seed "$(($(date +%s) % 1000000000))")

keep=$(mktemp -d /tmp/campaign.XXXXXX)
status=0
uml_boot 1G 3600 "$keep" tests/campaign.sh --netem "${options[@]}" --keep "$keep" |
  awk '/^(#|  |campaign|[0-9]+ closes)/ { print; fflush() }' || status=$?
rmdir "$keep" 2>/dev/null || true # of what went wrong the captures stay
((status == 0)) || echo "campaign_uml: status $status" >&2
exit "$status"
