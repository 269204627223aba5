#!/usr/bin/env bash
# NDJSON is what its JSON Schema says: over every golden capture, and an object that is wrong is
# found. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
schema=../capture/report/ndjson.schema.json
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

# shellcheck source-path=SCRIPTDIR source=tap.sh
. ./tap.sh

valid() { ./python_with.sh jsonschema check_ndjson.py "$schema" "$@"; }

# check_golden.sh compares those with what the program writes.
finds_what_is_wrong() {
  local said status=0
  sed -e '2s/"flags":"[^"]*"/"flags":"x"/' -e '3s/"about"/"end"/' golden/normal.ndjson >"$scratch/wrong"
  said=$(valid "$scratch/wrong") || status=$?
  echo "$said"
  [[ $status == 1 && $said == *":2: flags: "* && $said == *":3: "*"'end' was unexpected"* &&
    $said == *":3: end: a keyword of jq"* ]]
}

has_each_type() {
  local types
  types=$(cat golden/*.ndjson | jq -r .type | sort -u | paste -sd' ')
  echo "$types"
  [[ $types == 'finding segment start summary transition verdict' ]]
}

two_taps() {
  local status=0
  "${TEARDOWN_BIN:-../build}/capture" -r two_taps/recorded/near.pcap -r two_taps/recorded/far.pcap --json - -q \
    >"$scratch/two" 2>/dev/null || status=$?
  [[ $status -lt 2 && $(jq -rs 'map(.taps.fate // empty) | unique | join(" ")' "$scratch/two") == 'arrived lost'* ]] &&
    valid "$scratch/two"
}

echo 1..4
check 'every golden capture' valid golden/*.ndjson
check 'two vantage points' two_taps
check 'what is wrong is found' finds_what_is_wrong
check 'there is one of each type (but the kernel, in kernel.bats)' has_each_type
