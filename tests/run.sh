#!/usr/bin/env bash
# Runs the tests: all of them, or the groups named on the command line. A group is a build (gcc,
# sanitized, clang), a cmocka program (test_*), a check_*.sh, a *.bats file, uml or campaign; every
# one of them is counted by the TAP that it prints, and one that prints less than it planned has
# failed. The last line is the result. Under CI=true a skipped test is a failure, too.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
export TEARDOWN_BIN=$PWD/build/san
export CMOCKA_MESSAGE_OUTPUT=TAP
wanted=("$@")
passed=0 failed=0 skipped=0

# A program under test has to stop at the first report, and to say it where it is seen.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:exitcode=99}

is_wanted() {
  local name
  ((${#wanted[@]} == 0)) && return
  for name in "${wanted[@]}"; do [[ $name == "$1" ]] && known[$1]=1 && return; done
  return 1
}
declare -A known=()

# group NAME COMMAND...: runs it if wanted, counts its TAP, shows what failed.
group() {
  local name=$1 output status=0 start=$SECONDS
  local ok not_ok skip planned line
  shift
  is_wanted "$name" || return 0
  [[ ! -t 1 ]] || printf '%-16s ...\r' "$name"
  output=$("$@" 2>&1 </dev/null) || status=$?
  ok=0 not_ok=0 skip=0 planned=-1
  while IFS= read -r line; do
    case $line in
      '1..0 # '[Ss][Kk][Ii][Pp]*)
        planned=1
        skip=1
        ;;
      1..[0-9]*) planned=${line#1..} ;;
      'not ok '*'# '[Ss][Kk][Ii][Pp]*) skip=$((skip + 1)) ;; # cmocka's way
      'not ok '*) not_ok=$((not_ok + 1)) ;;
      'ok '*'# '[Ss][Kk][Ii][Pp]*) skip=$((skip + 1)) ;;
      'ok '*) ok=$((ok + 1)) ;;
    esac
  done <<<"$output"
  printf '%-16s %s%s%s (%d s)\n' "$name" "$ok passed" "$( ((not_ok)) && echo ", $not_ok failed")" \
    "$( ((skip)) && echo ", $skip skipped")" $((SECONDS - start))
  ((skip == 0)) || grep -i '# skip' <<<"$output" | sed 's/^/    /'
  if ((not_ok)); then
    # A failure's own lines follow it, up to the next result.
    awk '/^(ok|1\.\.)/ { shown = 0 } /^not ok/ { shown = !/# SKIP/ } shown { print "    " $0 }' <<<"$output"
  elif ((status != 0 || ok + skip != planned)); then
    echo "    $name ended with status $status after $((ok + skip)) of $planned results:"
    tail -n 60 <<<"$output" | sed 's/^/    /'
    not_ok=1
  fi
  passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skip))
}

# as_tap COMMAND...: one result from an exit status.
as_tap() {
  local output status=0
  output=$("$@" 2>&1) || status=$?
  echo 1..1
  if ((status == 0)); then
    echo "ok 1 $*"
  else
    printf 'not ok 1 %s (status %d)\n%s\n' "$*" "$status" "$output"
  fi
}

build() {
  as_tap make --no-print-directory --jobs 2 "$@"
}

build_with_clang() {
  if command -v clang >/dev/null; then
    build CC=clang B=build/clang all
  else
    echo '1..0 # SKIP no clang: scripts/deps.sh test installs it'
  fi
}

# A network of its own, where the tests cannot touch the machine's.
run_bats() {
  local -a enter=(unshare --net)
  ((EUID == 0)) || enter+=(--user --map-root-user)
  if command -v bats >/dev/null; then
    # shellcheck disable=SC2016 # for the inner shell
    "${enter[@]}" sh -c 'ip link set lo up && exec bats --tap "$1"' - "$1"
  else
    echo '1..0 # SKIP no bats: scripts/deps.sh test installs it'
  fi
}

if ! scripts/deps.sh test; then
  echo 'going on; what cannot run will be counted as skipped or failed'
fi

group gcc build CC=gcc all
group sanitized build SAN=1 CC=gcc all unit
group clang build_with_clang
if ((${#wanted[@]})); then # the other groups use what these two build
  { build CC=gcc all && build SAN=1 CC=gcc all unit; } | grep -A 1000 '^not ok' && exit 1
fi
for test in tests/test_*.c; do
  test=$(basename "$test" .c)
  group "$test" "build/san/tests/$test"
done
for test in tests/check_*.sh; do group "$(basename "$test" .sh)" "$test"; done
for test in tests/*.bats; do group "$(basename "$test" .bats)" run_bats "$test"; done
# Captures that others made, where there are any: TEARDOWN_CORPUS names their folder.
[[ -z ${TEARDOWN_CORPUS-} ]] || group corpus tests/corpus.sh
group uml tests/uml.sh
group campaign tests/campaign_short.sh

for name in "${wanted[@]}"; do
  [[ -n ${known[$name]-} ]] || {
    echo "there is no group '$name'"
    failed=$((failed + 1))
  }
done
((passed + failed > 0)) || failed=1 # nothing ran: that is no success
if ((skipped)); then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
((failed == 0)) && ! { ((skipped)) && [[ ${CI-} == true ]]; }
