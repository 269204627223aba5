#!/usr/bin/env bash
# Everything compiles by clang without a warning; then a short run of each target of fuzz/. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh

for lacking in cmd:clang rt:libclang_rt.fuzzer; do
  case $lacking in
    cmd:*) command -v clang >/dev/null && continue ;;
    rt:*) [[ -e $(clang "-print-file-name=${lacking#rt:}-$(uname -m).a") ]] && continue ;;
  esac
  echo "1..0 # SKIP no ${lacking#*:}: scripts/deps.sh test installs it"
  exit
done

mapfile -t names < <(tests/fuzz/fuzz.sh names)
echo "1..$((${#names[@]} + 1))"
check 'clang compiles all of it, and has nothing to say' tests/fuzz/fuzz.sh build
for name in "${names[@]}"; do check "$name: no input breaks it" tests/fuzz/fuzz.sh short "$name"; done
