#!/usr/bin/env bash
# User-mode Linux boots where the processor has AMX, on a machine that is made to look so, and where it
# does not, the message names the cause. Prints TAP.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=uml_boot.sh
source "$(dirname "$0")/uml_boot.sh"

if refusal=$(uml_refusal); then
  echo "1..0 # SKIP $refusal"
  exit
fi
echo 1..2
make --no-print-directory -C "$uml_root" build/tests/uml_amx.so >/dev/null
amx=$uml_root/build/tests/uml_amx.so xstate=$uml_xstate

uml_preload="$xstate $amx"
said=$(uml_refusal)
if (($? == 1)); then echo 'ok 1 - with AMX it boots'; else printf 'not ok 1 - with AMX it boots\n# %s\n' "$said"; fi

uml_preload=$amx # without the library that mends it
said=$(uml_refusal)
if [[ $said == *'does not boot: '*'(AMX)'* ]]; then
  echo 'ok 2 - where it does not boot for AMX, that is said'
else
  printf 'not ok 2 - where it does not boot for AMX, that is said\n# %s\n' "$said"
fi

