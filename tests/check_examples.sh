#!/usr/bin/env bash
# What scripts/fleet offers to copy: alert rules and dashboard fit what --metrics writes, and systemd
# takes the units. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
fleet=$PWD/../scripts/fleet
capture=${TEARDOWN_BIN:-../build}/capture
scratch=$(mktemp -d) || exit
chmod 0777 "$scratch" # for whoever capture becomes
trap 'rm -rf "$scratch"' EXIT

# shellcheck source-path=SCRIPTDIR source=tap.sh
. ./tap.sh

needs() { command -v "$1" >/dev/null || { echo "no $1: scripts/deps.sh test installs it"; return 77; }; }

rules_are_tried() {
  needs promtool || return
  promtool check rules "$fleet/prometheus/teardown.rules.yml" || return
  sed "s|RULES|$fleet/prometheus/teardown.rules.yml|" fleet/rules_test.yml >"$scratch/test.yml"
  promtool test rules "$scratch/test.yml"
}

# The alert names each breach there is, and nothing else.
rules_name_the_breaches() {
  diff <("$capture" --explain all | sed -n 's/^\([a-z0-9-]*\) (breach.*/\1/p' | sort) \
    <(grep -o 'finding=~"[^"]*"' "$fleet/prometheus/teardown.rules.yml" | sort -u | sed 's/.*"\(.*\)"/\1/' | tr '|' '\n' | sort)
}

# shellcheck disable=SC2016 # Grafana expands it
expressions() { jq -r '.panels[].targets[].expr' "$fleet/prometheus/dashboard.json" | sed -E 's/\$(instance|service)/.+/g'; }

dashboard_can_be_asked() {
  needs promtool || return
  expressions | jq -Rn '{groups: [{name: "d", rules: [inputs | {record: "x:y", expr: .}] | to_entries
    | map(.value + {labels: {n: (.key | tostring)}})}]}' >"$scratch/dashboard.yml"
  promtool check rules "$scratch/dashboard.yml"
}

# Each name that is asked for is one that capture writes.
names_are_written() {
  local name status=0
  "$capture" -r golden/close-wait-stuck.pcap -qq --metrics "$scratch/m.prom" >/dev/null 2>&1
  { sed -n 's/^# TYPE //p' "$scratch/m.prom" | cut -d ' ' -f 1; echo teardown_ephemeral_ports; } >"$scratch/names"
  for name in $({ expressions; grep -v '^ *#' "$fleet/prometheus/teardown.rules.yml"; } | grep -oE '\bteardown_[a-z_]+' | sed 's/_bucket$//' | sort -u); do
    grep -qx "$name" "$scratch/names" || { echo "nobody writes $name"; status=1; }
  done
  return $status
}

systemd_takes_the_units() {
  needs systemd-analyze || return
  local unit said
  for unit in "$fleet"/systemd/*.service; do
    sed "s|/usr/share/teardown/fleet/|$fleet/|" "$unit" >"$scratch/${unit##*/}"
  done
  said=$(systemd-analyze verify "$scratch"/*.service 2>&1) || { echo "$said"; return 1; }
  # Of units that are there already it may say something, too.
  ! grep -F teardown <<<"$said"
}

echo 1..5
check 'alert rules: each fires where it should, and not beside' rules_are_tried
check 'alert rules: every breach has its alert' rules_name_the_breaches
check 'dashboard: what it asks can be asked' dashboard_can_be_asked
check 'dashboard and rules: what they ask for is written' names_are_written
check 'systemd takes the units' systemd_takes_the_units
