#!/usr/bin/env bash
# User-mode Linux boots where the processor has AMX, on a machine that is made to look so, and where it
# does not, the message names the cause. Prints TAP.
set -uo pipefail
tests=$(dirname "$0")
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$tests/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../scripts/uml_boot.sh
. "$tests/../scripts/uml_boot.sh"

if refusal=$(uml_refusal); then
  echo "1..0 # SKIP $refusal"
  exit
fi
echo 1..2
make --no-print-directory -C "$uml_root" build/tests/uml_amx.so >/dev/null
amx=$uml_root/build/tests/uml_amx.so xstate=$uml_xstate

boots() {
  uml_preload="$xstate $amx"
  uml_refusal
  (($? == 1))
}

names_the_cause() {
  local said
  uml_preload=$amx # without the library that mends it
  said=$(uml_refusal)
  echo "$said"
  [[ $said == *'does not boot: '*'(AMX)'* ]]
}

check 'with AMX it boots' boots
check 'where it does not boot for AMX, that is said' names_the_cause
