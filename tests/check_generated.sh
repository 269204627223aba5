#!/usr/bin/env bash
# What capture says about generated connections of every kind (tests/bench/script.c): each verdict
# is the one that its script owes. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
capture=${TEARDOWN_BIN:-$PWD/build/san}/capture
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

n=0
# check NAME GENERATOR-OPTION...: generates, reads, compares.
check() {
  local name=$1 output
  shift
  n=$((n + 1))
  output=$(
    build/strict/bench/generate "$@" --truth "$scratch/truth" - 2>&1 >"$scratch/pcap" &&
      { timeout 300 "$capture" -r "$scratch/pcap" --format json 2>&1 >"$scratch/json" || (($? == 1)); } &&
      tests/bench/check.sh "$scratch/truth" "$scratch/json"
  ) && echo "ok $n - $name" && return
  echo "not ok $n - $name"
  printf '%s\n' "$output" | sed 's/^/# /'
}

make --no-print-directory STRICT=1 bench-programs >/dev/null || exit
echo 1..4
check 'every script, 20 000 connections' --connections 20000 --mix all --ipv6 30 --seed 1
check 'the plain mix, 100 us between packets' --connections 4000 --pace 100000 --seed 2
check 'ten thousand open at once' --connections 12000 --open 10000 --ipv6 100 --seed 3

# A checker that finds nothing would say so, too.
n=$((n + 1))
sed '5s/conforms/violates/' "$scratch/truth" >"$scratch/wrong"
if tests/bench/check.sh "$scratch/wrong" "$scratch/json" >"$scratch/said"; then
  echo "not ok $n - a wrong verdict is found"
else
  echo "ok $n - a wrong verdict is found"
fi
