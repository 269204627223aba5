#!/usr/bin/env bash
# The campaign in short, as TAP, with seeds that stay: `make campaign` is for new ones.
set -uo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$tests/tap.sh"

echo 1..4
for seed in 1 2 3; do
  check "direct, seed $seed" "$tests/campaign.sh" --seed "$seed" --size 200 --seconds 8
done
check 'netem, seed 1' "$tests/campaign_uml.sh" --seed 1 --size 50 --seconds 40
