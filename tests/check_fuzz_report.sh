#!/usr/bin/env bash
# Five thousand inputs that libFuzzer finds for the reports (fuzz_report.c). Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
echo 1..1
if ! output=$(make --no-print-directory CC=clang B=build/fuzz \
  CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' \
  LDFLAGS=-fsanitize=fuzzer build/fuzz/tests/fuzz_report 2>&1); then
  if command -v clang >/dev/null; then
    printf 'not ok 1 - it builds\n%s\n' "$output"
  else
    echo 'ok 1 # SKIP no clang: scripts/deps.sh test installs it'
  fi
  exit
fi
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
if output=$(build/fuzz/tests/fuzz_report -runs=5000 -max_len=600 -len_control=0 -timeout=20 \
  -artifact_prefix="$scratch/" 2>&1); then
  echo "ok 1 - $(grep '^Done' <<<"$output")"
else
  echo 'not ok 1 - the reports are valid whatever they are told'
  tail -n 40 <<<"$output" | sed 's/^/# /'
fi
