#!/usr/bin/env bash
# The campaign in short, as TAP, with seeds that stay: `make campaign` is for new ones.
set -uo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
number=0

# check NAME COMMAND...: a line of its report, or all of it.
check() {
  local name=$1 output status=0
  shift
  number=$((number + 1))
  output=$("$@" 2>&1) || status=$?
  if ((status == 77)); then
    echo "ok $number $name # SKIP $output"
  elif ((status == 0)); then
    echo "ok $number $name"
    grep -E '^[0-9]+ closes' <<<"$output" | sed 's/^/# /'
  else
    echo "not ok $number $name (status $status)"
    # shellcheck disable=SC2001 # each line
    sed 's/^/# /' <<<"$output"
  fi
}

echo 1..4
for seed in 1 2 3; do
  check "direct, seed $seed" "$tests/campaign.sh" --seed "$seed" --size 200 --seconds 8
done
check 'netem, seed 1' "$tests/campaign_uml.sh" --seed 1 --size 50 --seconds 40
