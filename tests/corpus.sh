#!/usr/bin/env bash
# Compares the verdicts of `capture` with answers that others gave for their own captures.
#
#   TEARDOWN_CORPUS=DIR tests/corpus.sh      DIR: packetdrill, zeek, suricata, tcptrace, ndpi
#   CAPTURE=build/capture ...                another binary than the sanitized one
#
# TAP: a test for each table. It passes when at least 99 % of the comparable rows agree, both of all
# rows and of those whose connection closed, and each difference is explained in tests/corpus.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
capture=${CAPTURE:-$here/../build/san/capture}
corpus=${TEARDOWN_CORPUS:+$(readlink -f "$TEARDOWN_CORPUS")}

if [[ ! -d $corpus ]]; then
  echo 1..1
  echo 'ok 1 # SKIP no corpus: set TEARDOWN_CORPUS'
  exit 0
fi
if [[ ! -x $capture ]]; then
  echo "corpus.sh: $capture: not built (make SAN=1)" >&2
  exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Status 1 is a verdict; a sanitizer's report or an unread file is not.
verdicts() {
  local file=$1 status=0
  if [[ $file == *.gz ]]; then
    zcat "$corpus/$file" | "$capture" -r - --format json
  else
    "$capture" -r "$corpus/$file" --format json
  fi 2>"$work/stderr" || status=$?
  printf '{"type":"end","file":"%s","status":%d,"message":"%s"}\n' "$file" "$status" \
    "$(grep -m1 -o 'link type.*is not read' "$work/stderr" || true)"
}

cd "$corpus"
find . -type f ! -name '*.tsv' ! -name README.md -printf '%P\n' | sort | while IFS= read -r file; do
  verdicts "$file"
done >"$work/ours.ndjson"

tables_present=()
for table in packetdrill/{answers,discriminating,tshark} {zeek,tcptrace,ndpi}/{tshark,zeek} \
  suricata/{tshark,suricata}; do
  if [[ -f $table.tsv ]]; then tables_present+=("$table.tsv"); fi
done
python3 "$here/corpus_compare.py" "$here/corpus.md" "${tables_present[@]}" <"$work/ours.ndjson"
