#!/usr/bin/env bash
# What capture says about each tests/golden/NAME.pcap: the ladder (NAME.txt, with what went to
# stderr and the exit status), the ladder at other widths and in ASCII (NAME.ladders.txt) and the
# NDJSON (NAME.ndjson), compared with what is kept there; where there are lines of its server and client
# (NAME.margin), also the ladder with those (NAME.margin.txt).
# Prints TAP.
#
#   tests/check_golden.sh NAME...                 compares these alone
#   tests/check_golden.sh --update all | NAME...  writes the expected output anew: read the diff!
set -uo pipefail

cd "$(dirname "$0")/golden" || exit
capture=${TEARDOWN_BIN:-../../build/san}/capture
[[ $capture == /* ]] || capture=$PWD/$capture
# The same without sanitizers, where there is one: for what is looked at often.
fast=${TEARDOWN_UML_BIN:-../../build/strict}/capture
[[ $fast == /* ]] || fast=$PWD/$fast
[[ -x $fast ]] || fast=$capture
export LC_ALL=C.UTF-8 TZ=UTC COLUMNS=80
unset NO_COLOR

ladder() { # ladder NAME
  local status=0
  timeout 60 "$capture" -r "$1.pcap" --format ladder -tt 2>"$scratch/stderr" || status=$?
  printf '\nstderr:\n'
  cat "$scratch/stderr"
  printf 'status %d\n' "$status"
}

# The other widths, and ASCII. No line is wider than it may be.
ladders() { # ladders NAME
  local columns locale
  for locale in C.UTF-8 C; do
    for columns in 60 80 120; do
      [[ $locale$columns != C.UTF-880 ]] || continue
      ladder_at "$columns" "$locale" "$1"
    done
  done
}

margins() { # margins NAME
  local columns locale
  for locale in C.UTF-8 C; do
    for columns in 40 60 80 120 200; do
      ladder_at "$columns" "$locale" "$1" --margin "$1.margin"
    done
  done
}

ladder_at() { # ladder_at COLUMNS LOCALE NAME OPTION...
  local columns=$1 locale=$2 name=$3
  shift 3
  printf '==== %s columns, %s\n' "$columns" "$locale"
  LC_ALL=$locale COLUMNS=$columns timeout 60 "$fast" -r "$name.pcap" --format ladder "$@" 2>/dev/null |
    tee "$scratch/ladder"
  grep -E "^.{$((columns + 1))}" "$scratch/ladder" && echo 'too wide'
}

# The version of the program is none of its findings.
ndjson() {
  timeout 60 "$capture" -r "$1.pcap" --format json 2>/dev/null |
    sed 's/"version":"[^"]*"/"version":"any"/'
}

update=0
if [[ ${1-} == --update ]]; then
  update=1
  shift
  (($# > 0)) || {
    echo 'check_golden.sh: --update wants names, or all' >&2
    exit 2
  }
fi
all=(*.pcap)
all=("${all[@]%.pcap}")
names=("$@")
if (($# == 0)) || [[ $1 == all ]]; then names=("${all[@]}"); fi
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

if ((update)); then
  for name in "${names[@]}"; do
    [[ -f $name.pcap ]] || {
      echo "check_golden.sh: there is no $name.pcap; record_golden.sh $name records it" >&2
      exit 2
    }
    ladder "$name" >"$scratch/txt"
    ladders "$name" >"$scratch/ladders"
    ndjson "$name" >"$scratch/ndjson"
    [[ ! -f $name.margin ]] || margins "$name" >"$name.margin.txt"
    status=$(sed -n 's/^status //p' "$scratch/txt")
    if ((status > 3)) || ! [[ -s $scratch/ndjson ]]; then
      cat "$scratch/txt" >&2
      exit 1
    fi
    cp "$scratch/txt" "$name.txt"
    cp "$scratch/ladders" "$name.ladders.txt"
    cp "$scratch/ndjson" "$name.ndjson"
  done
  exit
fi

# Expected outputs without a capture would never be compared.
orphans=$(for file in *.txt *.ndjson *.margin; do
  [[ -f ${file%%.*}.pcap ]] || echo "$file"
done)

echo "1..$((${#names[@]} + 1))"
n=0
for name in "${names[@]}"; do
  n=$((n + 1))
  ladder "$name" >"$scratch/$name.txt" 2>&1
  ladders "$name" >"$scratch/$name.ladders.txt" 2>&1
  ndjson "$name" >"$scratch/$name.ndjson" 2>&1
  files=("$name.txt" "$name.ladders.txt" "$name.ndjson")
  if [[ -f $name.margin ]]; then
    margins "$name" >"$scratch/$name.margin.txt" 2>&1
    files+=("$name.margin.txt")
  fi
  difference=$(for file in "${files[@]}"; do
    diff -u --label "$file, expected" --label "$file, actual" "$file" "$scratch/$file" 2>&1
  done)
  if [[ -z $difference ]]; then
    echo "ok $n - $name"
  else
    echo "not ok $n - $name"
    printf '%s\n' "$difference" | sed 's/^/# /'
  fi
done
if [[ -z $orphans ]]; then
  echo "ok $((n + 1)) - every expected output has its capture"
else
  echo "not ok $((n + 1)) - every expected output has its capture"
  printf '%s\n' "$orphans" | sed 's/^/# /'
fi
