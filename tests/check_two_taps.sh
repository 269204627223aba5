#!/usr/bin/env bash
# What one tap tells of losses, against what two taps show was lost; prints TAP. Without more, 150
# closes by nft, and 166 recorded ones, most of them while both processors were busy: of these 95 of 100
# that can be told must be. TWO_TAPS=10000 tests/run.sh check_two_taps: so many, a third of them by netem
# in user-mode Linux, and of them 95 of 100, too.
set -uo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$tests/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../scripts/uml_boot.sh
. "$tests/../scripts/uml_boot.sh"
bin=${TEARDOWN_BIN:-$tests/../build}
total=${TWO_TAPS-}
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT

# closes BATCHES SIZE SEED
closes() { TEARDOWN_BIN=$bin "$tests/two_taps/close.sh" --batches "$1" --size "$2" --seed "$3" "$scratch"; }
netem_closes() {
  uml_refusal && return 77
  uml_boot 768M 3000 "$scratch" tests/two_taps/close.sh --netem --batches "$1" --size "$2" --seed "$3" "$scratch"
}
# truth PER_CENT FOLDER...: the captures of each batch with a false claim are kept.
truth() {
  local said status=0 batch kept=$tests/../build/two_taps
  said=$(python3 "$tests/two_taps/truth.py" "$1" "$bin/capture" "${@:2}" 2>&1) || status=$?
  printf '%s\n' "$said"
  while read -r batch; do
    mkdir -p "$kept" && cp -r "$scratch/$batch" "$kept" && echo "# kept: $(realpath "$kept/$batch")"
  done < <(sed -nE "s|^# wrong: $scratch/([0-9]+-[0-9]+).*|\1|p" <<<"$said" | sort -u)
  return $status
}

joined() { python3 "$tests/two_taps/joined.py" "$bin/capture" "$@"; }

if [[ -z $total ]]; then
  echo 1..4
  check 'closes over a path that loses' closes 1 150 4
  # Of so few, chance decides how many can be told.
  check 'every claim of a loss is true' truth 75 "$scratch"/*-*
  check 'and of recorded ones what can be told is' truth 95 "$tests"/two_taps/{recorded,busy}
  check 'and where the files of both taps are joined, whatever their clocks' joined "$scratch"/*-* "$tests"/two_taps/{recorded,busy}
  exit
fi
size=250
echo 1..4
check "closes over a path that loses" closes $((total * 2 / 3 / size + 1)) $size "$RANDOM"
check 'the same by netem' netem_closes $((total / 3 / size + 1)) $size "$RANDOM"
check 'every claim of a loss is true, and what can be told is' truth 95 "$scratch"/*-*
check 'and where the files of both taps are joined, whatever their clocks' joined "$scratch"/*-*
