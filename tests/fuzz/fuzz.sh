#!/usr/bin/env bash
# Fuzzes the targets beside it (fuzz_*.c) with libFuzzer, which clang has, or with AFL++.
#
#   fuzz.sh build               builds them, and everything else, by clang with its sanitizers
#   fuzz.sh short NAME          so many executions of one of them, the same ones each time
#   fuzz.sh long [NAME...]      each for FUZZ_SECONDS (60), going on from where the last time ended;
#                               says how many executions that were, and what of each file they reached
#   fuzz.sh afl [NAME...]       as long, by AFL++
#
# What libFuzzer finds is in build/fuzz/found, what AFL++ finds in build/fuzz/afl/NAME/default.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Name, executions of a short run, longest input, how often it has its turn in a long one.
targets=(
  'decode 100000 600 1'
  'savefile 15000 3000 1'
  'hot 20000 1500 3'
  'segments 700 1500 3'
  'report 200 800 3'
  'table 1000 1500 3'
  'offline 500 4096 3'
  'trace 20000 2000 1'
  'netlink 50000 3000 1'
  'capture_options 8000 300 1'
  'server_options 5000 300 1'
  'client_options 5000 300 1'
)
built=build/clang/fuzz corpora=build/fuzz/corpus found=build/fuzz/found afl=build/fuzz/afl
checked='-fsanitize=address,undefined -fno-sanitize-recover=all'

# A large quarantine, and giving memory back each second, cost half of the time.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:allocator_release_to_os_interval_ms=-1

names() { printf '%s\n' "${targets[@]%% *}"; }

# build COMPILER FLAGS FOLDER [WHAT...]
build() {
  local -a programs
  mapfile -t programs < <(names | sed "s|^|$3/fuzz/fuzz_|")
  make --no-print-directory --jobs 2 STRICT=1 CC="$1" B="$3" CFLAGS="-O1 -g $2" "${programs[@]}" "${@:4}"
}

# seeds NAME FOLDER: what it begins with. A savefile stands behind the octet that says how it is read.
seeds() {
  local capture
  mkdir -p "$2"
  [[ ! -e tests/fuzz/corpus/$1.tar.gz ]] || tar -xzf "tests/fuzz/corpus/$1.tar.gz" -C "$2"
  case $1 in
    offline | savefile)
      for capture in tests/golden/*.pcap; do
        printf '\1' | cat - "$capture" >"$2/${capture##*/}"
      done
      ;;
  esac
  for capture in tests/fuzz/found/"$1"-*; do
    [[ ! -e $capture ]] || cp "$capture" "$2"
  done
}

# run NAME CORPUS LONGEST OPTION...
run() {
  local -a quiet=()
  [[ $1 != *_options ]] || quiet=(-close_fd_mask=3) # it has stdout and stderr for itself
  mkdir -p "$found"
  "$built/fuzz_$1" "$2" -max_len="$3" -len_control=0 -timeout=60 -rss_limit_mb=1500 -print_final_stats=1 \
    -artifact_prefix="$found/$1-" "${quiet[@]}" "${@:4}" 2>&1
}

executions() { sed -n 's/^stat::number_of_executed_units: *//p'; }

short() {
  local target name runs longest turns
  for target in "${targets[@]}"; do
    read -r name runs longest turns <<<"$target"
    [[ $name == "$1" ]] || continue
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    seeds "$name" "$scratch"
    # With the seeds, of which it counts each.
    runs=$((runs + $(find "$scratch" -type f | wc -l)))
    run "$name" "$scratch" "$longest" -runs="$runs" -seed=1 >"$scratch.log" && rm "$scratch.log" && return
    tail -n 60 "$scratch.log" && rm "$scratch.log"
    return 1
  done
  echo "there is no target '$1', only: $(names | tr '\n' ' ')" && return 2
}

# coverage INPUTS NAME...: what was kept of each, in INPUTS/NAME, once more, by programs that count what they reach.
coverage() {
  local name inputs=$1 counting=build/fuzz/counting
  local -a objects=() quiet
  shift
  build clang '-fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping' "$counting" >/dev/null
  rm -f "$counting"/*.profraw
  for name in "$@"; do
    quiet=()
    [[ $name != *_options ]] || quiet=(-close_fd_mask=3)
    LLVM_PROFILE_FILE=$counting/$name.profraw "$counting/fuzz/fuzz_$name" "$inputs/$name" -runs=0 \
      "${quiet[@]}" >/dev/null 2>&1
    objects+=(-object "$counting/fuzz/fuzz_$name")
  done
  llvm-profdata merge -o "$counting/all.profdata" "$counting"/*.profraw
  llvm-cov report "${objects[@]:1}" -instr-profile="$counting/all.profdata" \
    -ignore-filename-regex='(^|/)tests/' -show-region-summary=false -show-branch-summary=false
}

said() { printf '%-16s %12d executions%s\n' "$@"; }

long() {
  local target name runs longest turns log status=0 all=0 n
  local -a wanted=("$@")
  (($#)) || mapfile -t wanted < <(names)
  for target in "${targets[@]}"; do
    read -r name runs longest turns <<<"$target"
    [[ " ${wanted[*]} " == *" $name "* ]] || continue
    seeds "$name" "$corpora/$name"
    log=build/fuzz/$name.log
    run "$name" "$corpora/$name" "$longest" -max_total_time=$((${FUZZ_SECONDS:-60} * turns)) >"$log" || status=$?
    n=$(executions <"$log")
    all=$((all + n))
    said "$name" "$n" ", $(find "$corpora/$name" -type f | wc -l) inputs kept"
    ((status == 0)) || echo "$name: see $log and $found"
    ((status == 0)) || failed=1
    status=0
  done
  said all "$all" ''
  coverage "$corpora" "${wanted[@]}"
  return "${failed:-0}"
}

# The library that afl-clang-fast links for -fsanitize=fuzzer has a main that feeds a target many inputs.
long_by_afl() {
  local target name runs longest turns all=0 n crashes hangs
  local -a wanted=("$@")
  (($#)) || mapfile -t wanted < <(names)
  build afl-clang-fast "$checked" build/afl >/dev/null
  export AFL_AUTORESUME=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
  export ASAN_OPTIONS=$ASAN_OPTIONS:abort_on_error=1:symbolize=0:detect_leaks=0 UBSAN_OPTIONS=abort_on_error=1
  for target in "${targets[@]}"; do
    read -r name runs longest turns <<<"$target"
    [[ " ${wanted[*]} " == *" $name "* ]] || continue
    mkdir -p "$afl/$name"
    seeds "$name" "$afl/seeds/$name"
    echo "$name" >"$afl/seeds/$name/seed" # it wants one at least
    if ! afl-fuzz -i "$afl/seeds/$name" -o "$afl/$name" -V $((${FUZZ_SECONDS:-60} * turns)) -G "$longest" -m none \
      -t 60000 -- "build/afl/fuzz/fuzz_$name" >"build/fuzz/afl-$name.log" 2>&1; then
      echo "$name: see build/fuzz/afl-$name.log" && failed=1 && continue
    fi
    read -r n crashes hangs < <(awk -F ' *: *' '{ is[$1] = $2 }
      END { print is["execs_done"], is["saved_crashes"], is["saved_hangs"] }' "$afl/$name/default/fuzzer_stats")
    all=$((all + n))
    said "$name" "$n" ", $crashes crashes, $hangs hangs"
    ((crashes + hangs == 0)) || failed=1
  done
  said all "$all" ''
  coverage "$afl" "${wanted[@]}"
  return "${failed:-0}"
}

case ${1-} in
  build) build clang "-fsanitize=fuzzer-no-link $checked" build/clang all ;;
  short) short "$2" ;;
  long) long "${@:2}" ;;
  afl) long_by_afl "${@:2}" ;;
  names) names ;;
  *) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" && exit 2 ;;
esac
