#!/usr/bin/env bash
# The netem tier: what tests/uml_netem.sh finds in a kernel that has sch_netem, as TAP.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../scripts/uml_boot.sh
source "$(dirname "$0")/../scripts/uml_boot.sh"

if ! [[ -x $uml_bin/server && -x $uml_bin/client && -x $uml_bin/capture ]]; then
  echo "Bail out! server, client or capture is missing in $uml_bin: run make"
  exit 1
fi
if refusal=$(uml_refusal); then
  echo "1..0 # SKIP $refusal"
  exit
fi

# The terminal codes and messages of a machine that boots are not results.
uml_boot 512M 3000 '' tests/uml_netem.sh | grep --line-buffered -aE '^(ok|not ok|#|1\.\.)'
