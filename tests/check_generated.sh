#!/usr/bin/env bash
# What capture says about generated connections of every kind (tests/bench/script.c): each verdict
# is the one that its script owes. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
capture=${TEARDOWN_BIN:-$PWD/build/san}/capture
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

# shellcheck source=tests/tap.sh
. tests/tap.sh

# generated GENERATOR-OPTION...: generates, reads, compares.
generated() {
  build/strict/bench/generate "$@" --truth "$scratch/truth" - >"$scratch/pcap" &&
    { timeout 300 "$capture" -r "$scratch/pcap" --format json >"$scratch/json" || (($? == 1)); } &&
    tests/bench/check.sh "$scratch/truth" "$scratch/json"
}

make --no-print-directory STRICT=1 bench-programs >/dev/null || exit
echo 1..6
check 'every script, 20 000 connections' generated --connections 20000 --mix all --ipv6 30 --seed 1
check 'the plain mix, 100 us between packets' generated --connections 4000 --pace 100000 --seed 2
check 'ten thousand open at once' generated --connections 12000 --open 10000 --ipv6 100 --seed 3

# Nobody makes a model of an ordinary close to tell of it: what is told is that of another, retold.
# Where --rows asks for more than that, the model tells all. What is due at one moment may come in
# another order.
said() { # said FILE OPTION...: the lines of both streams, in no order
  timeout 300 "$capture" -r "$scratch/pcap" "${@:2}" >"$scratch/out" 2>"$scratch/err"
  sort "$scratch/out" "$scratch/err" >"$1"
}
retells() { # retells MAX-FLOWS GENERATOR-OPTION...
  local how flows=$1
  build/strict/bench/generate "${@:2}" - >"$scratch/pcap" 2>"$scratch/counts" || return
  for how in 'lines -tt' 'lines -tt -q' json 'json -q'; do
    # shellcheck disable=SC2086 # words
    said "$scratch/retold" --max-flows "$flows" --format $how
    # shellcheck disable=SC2086
    said "$scratch/told" --max-flows "$flows" --format $how --rows /dev/null
    [[ $(grep -cw verdict "$scratch/told") -gt 10000 ]] || return
    diff "$scratch/told" "$scratch/retold" || return
  done
}
check 'what is retold is what the model tells' retells 1000000 --connections 12000 --ipv6 30 --seed 4
check 'and so it is where places are given up' retells 3000 --connections 12000 --ipv6 30 --seed 4

# A checker that finds nothing would say so, too.
finds_what_is_wrong() {
  sed '5s/conforms/violates/' "$scratch/truth" >"$scratch/wrong"
  ! tests/bench/check.sh "$scratch/wrong" "$scratch/json"
}
check 'a wrong verdict is found' finds_what_is_wrong
