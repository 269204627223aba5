#!/usr/bin/env bats
# The ladder of a file: whole, foldable and narrow; and what else chooses what is told.

# shellcheck disable=SC2030,SC2031 # pids is that of one test
load helper

setup_file() {
  # The same without sanitizers, where there is one: for what is looked at often.
  export FAST=${TEARDOWN_UML_BIN:-$BATS_TEST_DIRNAME/../build/strict}/capture
  [[ -x $FAST ]] || FAST=$TEARDOWN_BIN/capture
  export G=$BATS_TEST_DIRNAME/golden BOTH=$BATS_FILE_TMPDIR/both.pcap
  # Two connections at once: the second begins later and closes sooner.
  python3 - "$G/lost-final-ack-x3.pcap" "$G/reset-linger-0.pcap" "$BOTH" <<'END'
import struct, sys

def packets(path):
    data = open(path, "rb").read()
    at, found = 24, []
    while at < len(data):
        s, us, n, _ = struct.unpack_from("<IIII", data, at)
        found.append((s * 1000000 + us, data[at + 8:at + 16 + n]))
        at += 16 + n
    return data[:24], found

head, one = packets(sys.argv[1])
_, other = packets(sys.argv[2])
late = one[0][0] + 150000 - other[0][0]
with open(sys.argv[3], "wb") as out:
    out.write(head)
    for t, rest in sorted(one + [(t + late, rest) for t, rest in other]):
        out.write(struct.pack("<II", t // 1000000, t % 1000000) + rest)
END
}

setup() { log=$BATS_TEST_TMPDIR; }
teardown() { end_all; }

capture() {
  run --separate-stderr timeout 30 "$TEARDOWN_BIN/capture" "$@"
}

@test "a file: one whole ladder a connection, in the order of closes" {
  capture -r "$BOTH" --format lines
  [ "$(grep -o '^[0-9:.]* #[12] ' <<<"$output" | cut -d' ' -f2 | uniq | wc -l)" -gt 2 ] # they interleave
  capture -r "$BOTH" --format ladder
  [ "$(grep -o '^#[12]' <<<"$output" | tr '\n' ' ')" = '#2 #2 #1 #1 ' ] ||
    [ "$(grep -o '^#[12]' <<<"$output" | tr '\n' ' ')" = '#1 #1 #2 #2 ' ]
  [[ $output != *continued* ]]
  [ "$(grep -c '↯ reset' <<<"$output")" -eq 1 ] && [ "$(grep -c '✓ normal' <<<"$output")" -eq 1 ]
}

@test "time never runs backwards down the screen, and the first word of a verdict is the judgement" {
  local file judgement='(✓|↯|…|●|✗|\?) (normal|coalesced|simultaneous|reset|refused|unfinished-[a-z-]+|stuck|breach|cannot tell)( ·|$)'
  local -i rows=0
  for file in "$G"/*.pcap "$BOTH"; do
    COLUMNS=100 "$FAST" -r "$file" --format ladder -tt >"$log/wide" 2>/dev/null || true
    awk -v apart=1 -f "$BATS_TEST_DIRNAME/rows_in_order.awk" "$log/wide" || fail "$file"
    rows+=$(grep -cE '^[0-9]+\.[0-9]{6} ' "$log/wide" || true)
    # What begins with a number and is no title is a verdict.
    run ! grep -vE "^#[0-9]+ $judgement" <(grep -E '^#[0-9]+ ' "$log/wide" | grep -v ' → ')
  done
  ((rows > 100)) || fail "only $rows rows have a time"
}

@test "a mark means the same in UTF-8 and in ASCII, and the manual page says what" {
  local page=$BATS_TEST_DIRNAME/../build/strict/capture.1 mark
  local file
  # Each ladder beside its ASCII twin: where only marks differ, they stand at the same place.
  for file in "$G"/{close,lost-f,re,simul}*.pcap; do
    paste -d '\n' <(LC_ALL=C.UTF-8 COLUMNS=80 "$FAST" -r "$file" --format ladder 2>/dev/null) \
      <(LC_ALL=C COLUMNS=80 "$FAST" -r "$file" --format ladder 2>/dev/null)
  done | python3 -c '
import sys
lines = sys.stdin.read().split("\n")
twins = {}
for utf8, ascii in zip(lines[::2], lines[1::2]):
    if len(utf8) == len(ascii):
        for one, other in zip(utf8, ascii):
            if ord(one) > 127:
                twins.setdefault(one, set()).add(other)
for one, others in sorted(twins.items()):
    print(one, "".join(sorted(others)))' >"$log/marks"
  cat "$log/marks"
  run ! grep -E '^. ..' "$log/marks"
  for mark in '┃ #' '│ |' '┊ :' '✓ +' '✗ !' '● *' '↯ R' '× x'; do grep -qxF "$mark" "$log/marks" || fail "$mark"; done
  mandoc -T utf8 "$page" >"$log/page"
  for mark in ┃ │ ┊ ✓ ✗ ◆ ● ↯ … ×; do grep -qF "$mark" "$log/page" || fail "the manual page does not say what $mark is"; done
}

@test "however wide, a ladder tells the same" {
  local file columns
  # The words, without what stands for distance.
  words() { sed -E '/^ +[┃│┊]?  *half-closed/d; s/^[0-9:.]{15} / /; s/[─━ ]+/ /g; s/ ([?✓✗])/\1/g; s/ ?([│┃┊▶◀]) ?/\1/g' | tr '\n' ' ' | tr -s ' '; }
  for file in "$G"/*.pcap; do
    for columns in 80 200; do
      COLUMNS=$columns "$FAST" -r "$file" --format ladder >"$log/ladder" 2>/dev/null || true
      ! grep -E "^.{$((columns + 1))}" "$log/ladder" || fail "$file: wider than $columns columns"
      words <"$log/ladder" >"$log/$columns"
    done
    diff "$log/80" "$log/200" || fail "$file"
  done
}

@test "below 60 columns the rows stand one below the other" {
  COLUMNS=38 capture -r "$G/lost-fin2.pcap" --format ladder
  grep -q '^ *+0.0 ms client FIN seq=u 1/4$' <<<"$output"
  grep -q '^ *│ client FIN_WAIT_1$' <<<"$output"
  run ! grep -E '^.{39}' <<<"$output"
}

@test "numbers that do not fit between the lifelines stand below" {
  COLUMNS=60 capture -r "$G/normal.pcap" --format ladder -S
  grep -q '^ *└ FIN seq=[0-9]* ack=[0-9]*$' <<<"$output"
  run ! grep -E '^.{61}' <<<"$output"
}

@test "a connection shows itself at its SYN; then its ladder reads live as it does from the file" {
  "$TEARDOWN_BIN/capture" -i lo --kernel off --format ladder --json "$log/events" -w "$log/pcap" 'port 7101' \
    >"$log/out" 2>"$log/err" 3>&- &
  local capture=$!
  pids+=("$capture")
  "$TEARDOWN_BIN/server" -p 7101 >"$log/server" 2>&1 3>&- &
  pids+=("$!")
  wait_for says server listen
  wait_for says events '"start"'
  # Nothing of a connection but that it is there.
  exec 5<>/dev/tcp/127.0.0.1/7101
  wait_for says out '#1 open 127.0.0.1:'
  [ "$(grep -c . "$log/out")" -eq 1 ] || fail 'more than its SYN'
  exec 5>&-
  wait_for says out '#1 ✓ '
  kill -INT "$capture"
  wait "$capture"
  capture -r "$log/pcap" --format ladder
  diff <(sed 's/2 MSL = 60 s.*//; s/ *$//' "$log/out") <(sed 's/2 MSL = 60 s.*//; s/ *$//' <<<"$output") || fail 'not alike'
}

@test "data of the half-close are one row, counted" {
  "$TEARDOWN_BIN/capture" -i lo --closes 1 --json "$log/events" -w "$log/pcap" 'port 7100' \
    >"$log/out" 2>"$log/err" 3>&- &
  pids+=("$!")
  wait_for says events '"start"'
  "$TEARDOWN_BIN/server" -p 7100 --count 1 --drain 3000000 >"$log/server" 2>&1 3>&- &
  wait_for says server listen
  "$TEARDOWN_BIN/client" --close shutdown 127.0.0.1 7100 >"$log/client" 2>&1
  wait_for says events '"summary"'
  end_all
  capture -r "$log/pcap" --format ladder
  [ "$(grep -c 'ACK' <<<"$output")" -lt 8 ] || fail "$output"
  [ "$(grep -cE ' [0-9]+ B in [0-9]+ segments ' <<<"$output")" -ge 1 ] || fail "$output"
  [ "$(grep -cE '[0-9] B (in|seq)' <<<"$output")" -le 3 ] || fail "$output"
}

@test "--only: of a file the whole ladder of those, else their lines; status and files are of all" {
  capture -r "$BOTH" --format ladder --only reset
  [[ $status == 0 && $output == *'#2 ↯ reset'* && $output != *normal* ]]
  capture -r "$BOTH" --only lost
  [[ ${#lines[@]} == 1 && $output == *'#1 verdict normal '* ]]
  capture -r "$G/close-wait-stuck.pcap" --only data-after-close,coalesced --json "$log/all"
  [[ $status == 1 && -z $output && $(grep -c '"verdict","conn"' "$log/all") == 2 ]]
  capture -r "$G/close-wait-stuck.pcap" --format json --only stuck
  [ "$(jq -r .type <<<"$output" | tr '\n' ' ')" = 'verdict summary ' ]
  capture -r "$BOTH" --only resett
  # shellcheck disable=SC2154 # bats sets stderr
  [[ $status == 2 && $stderr == "capture: --only: 'resett' is not known"* ]]
}

@test "who is stuck is never called conforming: a line, -v, --only" {
  local file stuck=0
  for file in "$G"/*.pcap; do
    capture -r "$file" --only stuck
    [[ $output != *conforms* ]] || fail "$file: $output"
    stuck=$((stuck + ${#lines[@]}))
    capture -r "$file" --format ladder -v --only stuck
    [[ $output != *conforms* ]] || fail "$file: $output"
    capture -r "$file" --only conforms
    [[ $output != *' stuck '* ]] || fail "$file: $output"
  done
  ((stuck > 2))
}

@test "--expect that is not met: which connection, and what it was" {
  capture -r "$BOTH" --expect normal
  [[ $status == 1 && $stderr == *'capture: --expect normal: 2 of 2 closes were not; the first, #'*' to 127.0.0.1:7000, was '* ]]
  capture -r "$G/lost-final-ack.pcap" --expect normal
  [[ $stderr == *'1 of 1 closes were not; the first, #1 '*', was normal,lost=final-ack'* ]]
}

@test "a number stays with what it counts or names, wherever a line ends" {
  local n
  for n in {1..60}; do
    printf '06:45:16.921260 server 127.0.0.1:7000  %0*d after 61.5 s by pid 6446, fd 5\n' "$n" 0
  done >"$log/long"
  COLUMNS=60 TZ=UTC capture -r "$G/margin.pcap" --format ladder --margin "$log/long"
  [ "$(grep -c 'pid 6446' <<<"$output")" = 60 ] || fail "$output"
  [ "$(grep -c 'fd 5$' <<<"$output")" = 60 ] || fail "$output"
  [ "$(grep -c '61\.5 s' <<<"$output")" = 60 ] || fail "$output"
}

@test "--margin: the lines of peers stand in the ladder of their connection, at their time; others as they are" {
  local form='s/^ *([+-][0-9.]+ m?s) (client|server) .*/\1 \2/p'
  TZ=UTC capture -r "$G/margin.pcap" --format ladder --margin "$G/margin.margin"
  [[ $(sed -nE "$form" <<<"$output" | tr '\n' ' ') == \
    '-106.1 ms server -100.9 ms client -0.2 ms client +0.2 ms server +100.6 ms server ' ]] || fail "$output"
  [ "$(grep -cE '^[0-9:.]+ server .*listen' <<<"$output")" = 2 ]
  # From another day, of another client, a whole one and the beginning of another.
  sed 's/:56886/:56887/' "$G/margin.margin" >"$log/other"
  TZ=UTC capture -r "$G/margin.pcap" --format ladder --margin "$log/other"
  [ "$(grep -cE '^[0-9:.]+ (server|client) ' <<<"$output")" = 7 ] && [ -z "$(sed -nE "$form" <<<"$output")" ]
  TZ=UTC capture -r "$BOTH" --format ladder --only reset --margin "$log/other"
  [[ $output != *uv_* ]]
  # A picture has no margin.
  TZ=UTC capture -r "$G/margin.pcap" --worksheet --svg "$log/svg" --mermaid "$log/mermaid" --margin "$G/margin.margin"
  run ! grep uv_ "$log/svg" "$log/mermaid"
}

is_plain() { ! LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f]\|\xe2\x80\xae\|\xc2\x9b' <<<"$1" || fail "$1"; }

@test "--margin: what is written there moves no cursor, forges no row, and may be too much" {
  local hostile=$'\e[2J\e[1A\r   +0.0 ms FIN_WAIT_1\x9b7\xff\xc2\x9b\xe2\x80\xae'
  { printf '06:45:17.100000 client 127.0.0.1:56886  %s\n' "$hostile"
    printf '06:45:17.100000 \e[31mevil 127.0.0.1:56886  %s\n' "$hostile"
    printf '%s\n' "$hostile"
    printf 'a\0b %2000s|\n' x
    seq -f 'x%.0f' 5000
    printf 'no newline'; } >"$log/hostile"
  TZ=UTC capture -r "$G/margin.pcap" --format ladder --margin "$log/hostile"
  [ "$status" = 0 ] || fail "$stderr"
  is_plain "$output"
  [[ $output == *'--margin: '*' lines were too many, and are not shown'* ]]
  head -n 4 "$log/hostile" >"$log/few"
  COLUMNS=120 TZ=UTC capture -r "$G/margin.pcap" --format ladder --margin "$log/few"
  is_plain "$output"
  [[ $output == *'client \x1b[2J\x1b[1A\x0d   +0.0 ms FIN_WAIT_1\x9b7\xff\xc2\x9b\xe2\x80\xae'* && $output == *$'\na?b '* ]] || fail "$output"
}

@test "--margin: what cannot be is said" {
  local refused
  for refused in lines json table; do
    capture -r "$G/margin.pcap" --format $refused --margin "$G/margin.margin"
    [[ $status == 2 && $output == '' && $stderr == *': --margin: a ladder alone has one; take --format ladder, without -q' || $refused == table && $status == 2 ]] || fail "$stderr"
  done
  capture -r "$G/margin.pcap" --format ladder -q --margin "$G/margin.margin"
  [[ $status == 2 && $stderr == *'without -q' ]]
  capture -r "$G/margin.pcap" --format ladder --margin "$log/none"
  [[ $status == 2 && $stderr == "capture: --margin $log/none: cannot read: No such file or directory; choose another file" ]]
  cp "$G/margin.margin" "$log/same"
  capture -r "$G/margin.pcap" --format ladder --margin "$log/same" --svg "$log/same"
  [[ $status == 2 && $stderr == *'is the file that is being read'* ]] && cmp "$G/margin.margin" "$log/same"
}
