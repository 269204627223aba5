#!/usr/bin/env bats
# Every scenario as it states itself, and its twin without what makes it happen, which must be seen
# to fail, and for the right reason. All runs of a test go at the same time: mostly they wait.
# shellcheck disable=SC2030,SC2031,SC2154 # run sets status, output, stderr in each test's process

load helper

export COLUMNS=400 # so that no message is folded
scenario=$BATS_TEST_DIRNAME/../scripts/scenario.sh

# begin KEY OPTION...: a run in the background. end KEY STATUS PART: how it must end, and say.
declare -gA runs # bats reads this file in a function
begin() {
  local key=$1
  shift
  timeout 300 "$scenario" "$@" >"$BATS_TEST_TMPDIR/$key" 2>&1 3>&- &
  runs[$key]=$!
}

end() {
  local status=0 said
  wait "${runs[$1]}" || status=$?
  said=$(<"$BATS_TEST_TMPDIR/$1")
  if [[ $status == 77 && $2 == 0 ]]; then skip "${said##*skipped: }"; fi
  [[ $said != *[0-9]' Killed '* ]] || fail "$1: bash tells of its jobs:" "$said"
  awk -f "$BATS_TEST_DIRNAME/rows_in_order.awk" "$BATS_TEST_TMPDIR/$1" || fail "$1: a row goes back in time"
  [[ $status == "$2" && $said == *"$3"* ]] || fail "$1: status $status, not $2, or not '$3':" "$said"
}

# as_stated NAME WRONG [FAMILY...]: WRONG is what the twin must complain of.
as_stated() {
  local name=$1 wrong=$2 family
  shift 2
  (($#)) || set -- -4
  # It is the script that a twin tests, not the programs, so these need not be sanitized.
  TEARDOWN_BIN=${TEARDOWN_UML_BIN:-$TEARDOWN_BIN} begin twin --no-fault "$name"
  mkdir -p "$BATS_FILE_TMPDIR/pages"
  for family; do begin "ip$family" "$family" --html "$BATS_FILE_TMPDIR/pages/$name$family.html" "$name"; done
  for family; do end "ip$family" 0 "As expected: $name." || return; done
  end twin 1 "FAILED: $name: $wrong"
}

@test "normal" { as_stated normal "row 1: expected 'client fin1 0 1/4" -4 -6; }

@test "coalesced" { as_stated coalesced "row 2: expected 'server fin2+ack1 0 2/3" -4 -6; }

@test "half-close-data" { as_stated half-close-data "row 4: expected 'server fin2 0 3/4"; }

@test "nagle" { as_stated nagle 'the answer: expected 6 12 FIN, actual 6 6 6 FIN' -4 -6; }

@test "lost-final-ack" {
  as_stated lost-final-ack "row 4: expected 'server fin2 1 3/4 TIME_WAIT LAST_ACK', actual 'client final-ack" -4 -6
}

@test "lost-fin1" {
  as_stated lost-fin1 "row 2: expected 'client fin1 1 1/4 FIN_WAIT_1 CLOSE_WAIT', actual 'server ack1" -4 -6
}

@test "lost-ack1" {
  as_stated lost-ack1 "row 2: expected 'client fin1 1 1/4 FIN_WAIT_1 CLOSE_WAIT', actual 'server ack1" -4 -6
}

@test "lost-fin2" {
  as_stated lost-fin2 "row 4: expected 'server fin2 1 3/4 TIME_WAIT LAST_ACK', actual 'client final-ack" -4 -6
}

@test "reset-linger-0" { as_stated reset-linger-0 "row 1: expected 'client rst 0 0/4"; }

@test "reset-unread-data" { as_stated reset-unread-data "row 1: expected 'server rst 0 0/4"; }

@test "reset-data-after-close" { as_stated reset-data-after-close "row 4: expected 'client rst 0 2/4"; }

@test "reset-after-fin" {
  as_stated reset-after-fin "words of the server: expected EOF, and then nothing until SO_ERROR is asked"
}

@test "fin-wait-2-timeout" {
  as_stated fin-wait-2-timeout "sockets of the kernel: expected 'nobody is in FIN_WAIT_2 any more', actual 1"
}

@test "fin-wait-2-forever" { as_stated fin-wait-2-forever "row 4: expected 'client final-ack 0 4/4"; }

@test "close-wait-leak" { as_stated close-wait-leak "row 3: expected 'no row'"; }

@test "last-ack-gives-up" {
  as_stated last-ack-gives-up "row 4: expected 'server fin2 1 3/4 TIME_WAIT LAST_ACK', actual 'client final-ack" -4 -6
}

@test "simultaneous" {
  as_stated simultaneous "row 2: expected 'server fin2 0 2/4 CLOSING CLOSING'" -4 -6
}

@test "zero-window" { as_stated zero-window 'the wire: expected no FIN within a second'; }

@test "killed" { as_stated killed 'the wire: expected no FIN within a second'; }

@test "peer-gone" { as_stated peer-gone "sockets of the kernel: expected 'one end is still ESTABLISHED'"; }

@test "late-final-ack" { as_stated late-final-ack "row 4: expected 'server fin2 1 3/4" -4 -6; }

@test "assassination" {
  as_stated assassination "row 5: expected 'client final-ack 1 4/4 TIME_WAIT CLOSED', actual 'no row'" -4 -6
}

@test "reuse-four-tuple" {
  as_stated reuse-four-tuple "connection 2, reuses_time_wait: expected 'timestamp', actual '-'" -4 -6
}

@test "restart-in-time-wait" {
  as_stated restart-in-time-wait "restart, neither has SO_REUSEADDR: expected it refused" -4 -6
}

@test "time-wait-exhaustion" {
  as_stated time-wait-exhaustion "another connection: expected address not available; no local port is free"
}

# What watches the machine is Perl: here it is somebody who takes the fault away, once, before the FIN is
# sent 200 ms later, and says that the machine stood still.
@test "a trial that was not fair is followed by another, of which nothing is left over" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  cat >"$BATS_TEST_TMPDIR/bin/perl" <<'END'
#!/usr/bin/env bash
for _ in {1..1000}; do
  table=$(nft list tables | sed 's/^table //')
  if [[ -n $table && $(nft list chain $table loss) == *drop* ]]; then
    nft flush chain $table loss
    echo 100
    exec sleep 60
  fi
  sleep 0.01
done
END
  chmod +x "$BATS_TEST_TMPDIR/bin/perl"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH begin unfair --backend nft lost-fin1
  end unfair 0 'But this machine stood still for 100 ms meanwhile, which is no fair trial: once more.'
  [[ $(<"$BATS_TEST_TMPDIR/unfair") == *'As expected: lost-fin1.'* ]]
}

# Without sch_netem it is tests/uml.sh that runs it.
@test "lossy" {
  begin lossy lossy
  if tc qdisc add dev lo root netem 2>/dev/null; then
    tc qdisc del dev lo root
    begin twin --no-fault lossy
    end lossy 0 'As expected: lossy.'
    end twin 1 'FAILED: lossy: segments lost by netem: expected some, actual none.'
  else
    end lossy 77 'skipped: this kernel has no sch_netem'
  fi
}

# The pages that the tests before this one have left.
@test "the page of every scenario opens in a browser, and each close of it reaches its end" {
  command -v chromium chromedriver >/dev/null || skip 'no chromium or chromedriver: scripts/deps.sh test installs them'
  local name
  for name in $("$scenario" --list | sed '/netem/d; s/ .*//'); do
    [[ -s $BATS_FILE_TMPDIR/pages/$name-4.html ]] || fail "no page of $name"
  done
  # Who still waits when the last packet has long been there is stuck on the page, too.
  grep -q '"severity":"stuck"' "$BATS_FILE_TMPDIR/pages/close-wait-leak-4.html"
  run "$BATS_TEST_DIRNAME/python_with.sh" selenium "$BATS_TEST_DIRNAME/open_pages.py" "$BATS_FILE_TMPDIR/pages"
  ((status == 0)) || fail "$output"
}

@test "--html of several is a folder, with an index" {
  begin several --html "$BATS_TEST_TMPDIR/gallery" reset-linger-0 coalesced
  end several 0 '2 as expected'
  run "$BATS_TEST_DIRNAME/python_with.sh" selenium "$BATS_TEST_DIRNAME/open_pages.py" "$BATS_TEST_TMPDIR/gallery"
  [[ $status == 0 && $output == '3 pages'* ]] || fail "$output"
  grep -q '<p>Linux does not acknowledge a FIN at once' "$BATS_TEST_TMPDIR/gallery/index.html"
}

@test "every scenario of the list is here" {
  local name
  run "$scenario" --list
  ((${#lines[@]} > 10))
  for name in "${lines[@]%% *}"; do
    grep -q "^@test \"$name\"" "$BATS_TEST_FILENAME" || fail "no test of $name"
  done
}

@test "the other place: lost after the sniffer" {
  local name
  for name in lost-final-ack lost-ack1 last-ack-gives-up; do begin "$name" --place ingress "$name"; done
  for name in lost-final-ack lost-ack1 last-ack-gives-up; do end "$name" 0 "As expected: $name."; done
}

@test "a FIN lost by nft at egress is another story, and skipped with that reason" {
  begin fin --place egress --backend nft lost-fin1
  end fin 77 'skipped: a FIN that nft drops at egress never leaves'
}

@test "several: each is counted, and one failure is a failure" {
  begin several --no-fault reset-linger-0 close-wait-leak
  begin good --keep-pcap "$BATS_TEST_TMPDIR" reset-linger-0 reset-unread-data
  end several 1 '0 as expected, 2 failed, 0 skipped'
  end good 0 '2 as expected, 0 failed, 0 skipped'
  "$TEARDOWN_BIN/capture" -r "$BATS_TEST_TMPDIR/reset-unread-data-1.pcap" --expect reset
}

@test "--step waits for a key before each sentence and each segment" {
  command -v script >/dev/null || skip 'no script(1)'
  run timeout 60 script -qec "$scenario --step reset-linger-0" /dev/null <<<'1234567890'
  [[ $status == 0 ]] || fail "$output"
  [[ $(grep -o 'any key' <<<"$output" | wc -l) == 4 ]] || fail "$output"
}

@test "--step keeps the colours of a terminal, and NO_COLOR is obeyed" {
  command -v script >/dev/null || skip 'no script(1)'
  local red=$'\e[31m' environment
  for environment in LC_ALL=C.UTF-8 LC_ALL=C; do
    run timeout 60 script -qec "env TERM=xterm $environment $scenario --step reset-linger-0" /dev/null <<<'1234567890'
    [[ $status == 0 && $output == *"$red"* ]] || fail "$output"
    [[ $(grep -o 'any key' <<<"$output" | wc -l) == 4 ]] || fail "$output"
  done
  for environment in 'NO_COLOR=1 TERM=xterm' TERM=dumb; do
    run timeout 60 script -qec "env $environment $scenario --step reset-linger-0" /dev/null <<<'1234567890'
    [[ $status == 0 && $output != *"$red"* ]] || fail "$output"
  done
}

@test "--step without a terminal says so" {
  run --separate-stderr setsid --wait "$scenario" --step normal
  [[ $status == 2 && $stderr == *'--step wants a terminal'* ]] || fail "$status $stderr"
}

@test "--doctor: yes or no, and what to do" {
  run "$scenario" --doctor
  local doctor=$output
  [[ $status == 0 && $output == *'capture inside'* ]] || fail "$output"
  local line
  for line in "${lines[@]}"; do [[ $line =~ ^(yes|no)\ +[a-z] ]] || fail "$line"; done
  # It says of capture what capture says of itself.
  local events=yes
  run "$TEARDOWN_BIN/capture" -i lo --duration 1 --format lines
  if [[ $status != 0 || $output == 'the kernel is '* || $output == *$'\nthe kernel is '* ]]; then events='no '; fi
  grep -q "^$events  kernel events" <<<"$doctor" || fail "$doctor" "$output"
}

@test "misuse is one line, with status 2" {
  local options
  for options in '' nosuch --nosuch '--place here normal' '--keep-pcap /nonexistent normal' --inside \
    '--inside normal' --keep-pcap --html '--html /nonexistent/page normal' '--html / normal' '--pages / normal'; do
    # shellcheck disable=SC2086 # several words
    run --separate-stderr "$scenario" $options
    [[ $status == 2 && ${#stderr_lines[@]} == 1 && -z $output ]] || fail "$options: $status $stderr"
  done
}
