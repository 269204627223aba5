#!/usr/bin/env bash
# NDJSON is what its JSON Schema says: over every golden capture, and an object that is wrong is
# found. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
schema=../capture/report/ndjson.schema.json
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

n=0
# result TEXT STATUS OUTPUT
result() {
  n=$((n + 1))
  if (($2 == 0)); then
    echo "ok $n - $1"
  else
    echo "not ok $n - $1"
    printf '%s\n' "$3" | sed 's/^/# /'
  fi
}

echo 1..3
said=$(./python_with.sh jsonschema check_ndjson.py "$schema" golden/*.ndjson)
result 'every golden capture' $? "$said"

# check_golden.sh compares those with what the program writes.
sed -e '2s/"flags":"[^"]*"/"flags":"x"/' -e '3s/"about"/"end"/' golden/normal.ndjson >"$scratch/wrong"
said=$(./python_with.sh jsonschema check_ndjson.py "$schema" "$scratch/wrong")
[[ $? == 1 && $said == *":2: flags: "* && $said == *":3: "*"'end' was unexpected"* && $said == *":3: end: a keyword of jq"* ]]
result 'what is wrong is found' $? "$said"

types=$(cat golden/*.ndjson | jq -r .type | sort -u | paste -sd' ')
[[ $types == 'finding segment start summary transition verdict' ]]
result 'there is one of each type (but the kernel, in kernel.bats)' $? "$types"
