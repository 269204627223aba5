#!/usr/bin/env bash
# Runs the tests: all of them, or the groups named on the command line. A group is a build (gcc,
# sanitized, optimized), a cmocka program (test_*), a check_*.sh, a *.bats file, uml or campaign; prove
# runs them side by side (JOBS at once) and counts their TAP; one that prints less than it planned
# has failed. The last line is the result. Under CI=true a skipped test is a failure, too.
set -uo pipefail

cd "$(dirname "$0")" || exit
export TEARDOWN_BIN=${PWD%/*}/build/san TEARDOWN_UML_BIN=${PWD%/*}/build/strict
export CMOCKA_MESSAGE_OUTPUT=TAP

# A program under test has to stop at the first report, and to say it where it is seen.
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:exitcode=99}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:exitcode=99}

# stems PATTERN...: the files' names without folder and ending.
stems() { basename -a "$@" | sed 's/\.[a-z]*$//'; }

# The longest first, so that none of them is left for the end. Most of them mostly wait: hence more at a
# time than there are cores.
longest=(uml scenario check_fuzz examples campaign lab check_lint kernel kill check_fleet capture peer stacks inputs)
mapfile -t groups < <(
  printf '%s\n' "${longest[@]}" gcc optimized sanitized
  stems ./*.bats ./test_*.c ./check_*.sh | grep -vxF "$(printf '%s\n' "${longest[@]}")"
  # Captures that others made, where there are any: TEARDOWN_CORPUS names their folder.
  [[ -z ${TEARDOWN_CORPUS-} ]] || echo corpus
  # Captures that are easily read wrongly: TEARDOWN_CASES names a folder with a check.sh.
  [[ -z ${TEARDOWN_CASES-} ]] || echo cases
)

wanted=("$@")
(($#)) || wanted=("${groups[@]}")
for name in "${wanted[@]}"; do
  [[ " ${groups[*]} " == *" $name "* ]] || {
    echo "there is no group '$name', only: ${groups[*]}" >&2
    exit 2
  }
done

if ! ../scripts/deps.sh test; then
  echo 'going on; what cannot run will be counted as skipped or failed'
fi
rm -rf ../build/tap
mkdir -p ../build/tap

# The other groups use what these two build: once, and before them.
for build in gcc sanitized; do
  ./group.sh "$build" | grep '^ok' >/dev/null || { wanted=("$build") && break; }
done

# Who was started in the background of a script ignores SIGINT, and so would what is interrupted here.
PERL5LIB=$PWD exec env --default-signal=INT prove --jobs "${JOBS:-4}" --timer --directives \
  --formatter Closing --exec ./group.sh "${wanted[@]}"
