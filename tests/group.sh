#!/usr/bin/env bash
# Runs one group of tests, for prove, and prints its TAP: group.sh NAME. A copy stays in
# build/tap/NAME, for tests/Closing.pm, which shows there what failed. tests/run.sh has the names.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
# shellcheck source=tests/tap.sh
. tests/tap.sh

# The distribution's programs first, as deps.sh installs them: the python3 of a version manager, say, is
# a script that takes a second to find the one meant. Last, those that an ordinary user's PATH lacks: sysctl, ldconfig.
PATH=/usr/bin:$PATH:/usr/sbin:/sbin

# as_tap COMMAND...: one result from an exit status.
as_tap() {
  local output status=0
  output=$("$@" 2>&1) || status=$?
  echo 1..1
  if ((status == 0)); then
    echo "ok 1 $*"
  else
    printf 'not ok 1 %s (status %d)\n' "$*" "$status"
    printf '# %s\n' "${output//$'\n'/$'\n# '}"
  fi
}

build() { as_tap make --no-print-directory --jobs 2 "$@"; }

# What reads structs as octets, as it is installed: the optimizer may take that for no access to them,
# and sees less where sanitizers look on.
optimized() {
  local -a programs=(build/strict/tests/test_{flow,decode,savefile})
  make --no-print-directory --jobs 2 STRICT=1 CC=gcc "${programs[@]}" >/dev/null || return
  local program
  for program in "${programs[@]}"; do "$program" || return; done
}

run() {
  # A sanitized program takes ten times as long to start, and as long again to look for leaks at its
  # end: these groups look for them, on all paths; and where hundreds are started, the plain ones are.
  case $1 in
    kill | limits | options | stacks) export TEARDOWN_BIN=$TEARDOWN_UML_BIN ;;
    capture | check_fuzz | check_golden | kernel | peer | server_load | test_*) ;;
    *) export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 ;;
  esac
  case $1 in
    optimized) as_tap optimized ;;
    gcc) build STRICT=1 CC=gcc all build/tests/fail_calls.so ;;
    sanitized) build SAN=1 CC=gcc all unit ;;
    test_*) "build/san/tests/$1" ;;
    check_* | corpus | uml) "tests/$1.sh" ;;
    cases) as_tap "$TEARDOWN_CASES/check.sh" build/strict/capture ;;
    campaign) tests/campaign_short.sh ;;
    *) (wants bats && apart bats --tap "tests/$1.bats") ;; # its network is not the machine's
  esac
}

# alone ID COMMAND...: one more result, which no plan has, where it leaves a process behind: the environment
# of what it started has TEARDOWN_GROUP=ID. That process is ended.
alone() {
  local tries pid status=0
  (export TEARDOWN_GROUP=$1 && "${@:2}") || status=$?
  # Who was killed a moment ago may still be there.
  for ((tries = 0; tries < 500; tries++)); do
    grep -lszxq "TEARDOWN_GROUP=$1" /proc/[0-9]*/environ || return "$status"
    read -rt 0.02 <> <(:) || true
  done
  echo 'not ok left behind'
  grep -lszx "TEARDOWN_GROUP=$1" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do
    echo "# $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
    kill -KILL "$pid"
  done 2>/dev/null
}

# What the group's own processes took: prove's figures count whatever else ended meanwhile.
TIMEFORMAT='# processor time: %U s user, %S s system'

# cmocka calls a skipped test "not ok"; and who bails out ends its own group, not the run.
{ time alone "$1-$$" run "$1" </dev/null 2>&1; } 2>&1 |
  sed -u -E 's/^not (ok [0-9]+ # SKIP)/\1/; s/^Bail out!/# &/' | tee "build/tap/$1"
