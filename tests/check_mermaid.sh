#!/usr/bin/env bash
# mermaid's own parser, from npm, reads what --mermaid writes of every golden capture. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
# shellcheck source=tests/tap.sh
. ./tap.sh
capture=${TEARDOWN_UML_BIN:-../build/strict}/capture
modules=$PWD/../build/npm
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

install() {
  mkdir -p "$modules"
  npm install --prefix "$modules" --prefer-offline --no-audit --no-fund --silent mermaid@10.9.8 jsdom@22.1.0
}

writes() {
  local pcap
  for pcap in golden/*.pcap; do
    "$capture" -r "$pcap" -qq --mermaid "$scratch/$(basename "$pcap" .pcap).mmd" >"$scratch/said" 2>&1
    (($? < 2)) || { cat "$scratch/said"; return 1; }
  done
}

parses() { NODE_PATH=$modules/node_modules node mermaid_parse.cjs "$@"; }

refuses() {
  sed 's/->>/->>>/' "$scratch/normal.mmd" >"$scratch/broken"
  ! parses "$scratch/broken"
}

if ! command -v npm >/dev/null || ! said=$(install 2>&1); then
  echo "1..0 # SKIP mermaid is not to be had: ${said-no npm: scripts/deps.sh test installs it}"
  exit
fi
echo 1..3
check 'each capture as mermaid' writes
check 'its parser reads each' parses "$scratch"/*.mmd
check 'and refuses another arrow' refuses
