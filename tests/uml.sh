#!/usr/bin/env bash
# The netem tier: boots a stock Debian kernel that has sch_netem as an ordinary process
# (user-mode-linux; no KVM, no image, no root) and prints what tests/uml_init.sh finds, as TAP.
set -euo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
# Plain binaries: the address sanitizer's shadow memory does not fit into this kernel.
bin=${TEARDOWN_UML_BIN:-$tests/../build}

if ! command -v linux.uml >/dev/null || ! command -v busybox >/dev/null; then
  echo '1..0 # SKIP no linux.uml or busybox: scripts/deps.sh test installs them'
  exit
fi
if ! [[ -x $bin/server && -x $bin/client && -x $bin/capture ]]; then
  echo "Bail out! server, client or capture is missing in $bin: run make"
  exit 1
fi

# The terminal codes and messages of a machine that boots are not results.
timeout --kill-after 5 500 linux.uml mem=512M root=/dev/root rootfstype=hostfs hostfs=/ ro quiet \
  init="$tests/uml_init.sh" teardown_root="$tests/.." teardown_bin="$bin" \
  con=null con0=null,fd:1 </dev/null 2>/dev/null | tr -d '\r' | grep -aE '^(ok|not ok|#|1\.\.)'
