#!/usr/bin/env bash
# Five thousand inputs that libFuzzer finds for the reports (fuzz_report.c). Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

fuzz() {
  command -v clang >/dev/null || { echo 'no clang: scripts/deps.sh test installs it' && return 77; }
  make --no-print-directory CC=clang B=build/fuzz \
    CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
    LDFLAGS=-fsanitize=fuzzer build/fuzz/tests/fuzz_report &&
    build/fuzz/tests/fuzz_report -runs=5000 -max_len=600 -len_control=0 -timeout=20 \
      -artifact_prefix="$scratch/" 2>&1 | tail -n 40
}

echo 1..1
check 'the reports are valid whatever they are told' fuzz
