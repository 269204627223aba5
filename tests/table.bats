#!/usr/bin/env bats
# --format table, at a terminal of tmux: what it shows of many closes, its keys, a resize, and how it ends.

# shellcheck disable=SC2016 # what is for eval

load helper

setup() {
  command -v tmux >/dev/null || skip 'no tmux: scripts/deps.sh test installs it'
  export TMUX_TMPDIR=$BATS_TEST_TMPDIR # the usual folder is of a number, which a namespace's root shares
  log=$BATS_TEST_TMPDIR
  terminal=teardown-$BATS_TEST_NUMBER-$$
}

teardown() {
  tmux -L "$terminal" kill-server 2>/dev/null || true
  end_all
}

# watch OPTION...: capture in a terminal of 110 by 30, in the folder of the test.
watch() {
  tmux -L "$terminal" -f /dev/null new-session -d -x 110 -y 30 -c "$log" \
    "env LC_ALL=C.UTF-8 $TEARDOWN_BIN/capture -i lo $* 2>$log/err; echo \$? >$log/status"
}

start() {
  watch --format table --stuck-after 2
  wait_for shows 'q quit'
}

# open_one: a connection that stays open for as long as its client lives, the last of pids.
open_one() {
  "$TEARDOWN_BIN/client" -q --close-after 600000 127.0.0.1 7000 >"$log/client" 2>&1 3>&- &
  pids+=("$!")
}

screen() { tmux -L "$terminal" capture-pane -p; }
shows() { screen 2>/dev/null | grep -qE -- "$1"; }
keys() { tmux -L "$terminal" send-keys "$@"; }

# serve PORT OPTION...
serve() {
  "$TEARDOWN_BIN/server" -p "$@" >"$log/server$1" 2>&1 3>&- &
  pids+=("$!")
  wait_for says "server$1" listen
}

close_some() { "$TEARDOWN_BIN/client" -q "$@" >"$log/client" 2>&1; }

@test "a hundred closes and a leak: counts, folded rows, the worst first, the holder, the remedy" {
  start
  serve 7000 --close-delay 50
  serve 7001 --never-close
  close_some --count 100 --parallel 10 --close-after 20 127.0.0.1 7000
  close_some --count 8 --parallel 8 --close-after 20 127.0.0.1 7001
  wait_for shows 'stuck +8 +7001 .*close-wait-stuck .*CLOSE_WAIT.* server, pid '
  wait_for shows 'TIME_WAIT 100 of [0-9]+ ports'
  wait_for shows '100 closes, 0 reset; first: client 100, server 0'
  # The worst first, and what to do about it.
  screen | sed -n 7p | grep -q stuck
  screen | tail -n 1 | grep -q 'make it close'

  keys s
  wait_for shows 'newest first'
  keys / c l o s e d Enter
  wait_for shows '/closed'
  run ! shows 'close-wait-stuck +'
  keys / Escape
  wait_for shows 'close-wait-stuck +'
  keys '?'
  wait_for shows 'the ladder of a row'
  keys Space s s
  wait_for shows 'worst first'

  keys Enter
  wait_for shows ' \+0\.0 ms FIN_WAIT_1.*FIN seq=u.*CLOSE_WAIT'
  keys Escape
  wait_for shows 'worst first'
  # At once, so that it is not drawn in between: the last row is where it ends.
  keys j j j j j j j j Enter
  wait_for shows 'Esc, Enter back'
  keys Escape
  wait_for shows 'worst first'

  tmux -L "$terminal" resize-window -x 60 -y 20
  wait_for shows '^(●|\*) +8 +7001 +[0-9]+ s  close-wait-stuck  server, pid [0-9]+' # who holds it is not cut
  wait_for shows '^open 8  CLOSE_WAIT 8  '
  wait_for shows 'and make it$' # the remedy is folded,
  wait_for shows '^close at end of file\.$' # not cut
  [ "$(screen | wc -L)" -le 60 ]
  # What is cut says so.
  tmux -L "$terminal" resize-window -x 48 -y 20
  wait_for shows '^(●|\*) +8 +7001 +[0-9]+ s  close-wait-stuck .*(…|~)$'
  keys q
  wait_for test -s "$log/status"
  [ "$(cat "$log/status")" = 1 ] # somebody is stuck
  grep -q '108 connections' "$log/err"
}

@test "what was stuck before the start stands in the table" {
  serve 7001 --never-close
  close_some --count 5 --parallel 5 --close-after 20 127.0.0.1 7001
  start
  wait_for shows 'before the start: 5 CLOSE_WAIT'
  wait_for shows 'stuck +5 +7001 .*before the start .*CLOSE_WAIT .*server, pid '
  keys Enter
  wait_for shows 'no segment of it was captured'
  keys C-c
  wait_for test -s "$log/status"
}

@test "without a terminal it is refused; a dumb one gets lines" {
  run --separate-stderr "$TEARDOWN_BIN/capture" --format table -i lo
  [ "$status" -eq 2 ]
  # shellcheck disable=SC2154 # by run
  [[ $stderr == *'--format table needs a terminal'* ]]
  run --separate-stderr "$TEARDOWN_BIN/capture" --format table -r "$BATS_TEST_DIRNAME/golden/normal.pcap"
  [[ $status == 2 && $stderr == *'--format table watches live'* ]]
  tmux -L "$terminal" -f /dev/null new-session -d -x 110 -y 30 \
    "env TERM=dumb $TEARDOWN_BIN/capture -i lo --format table --duration 1; echo status \$?; sleep 60"
  wait_for shows 'TERM=dumb can show no table: lines instead'
  wait_for shows 'status 0'
}

@test "the ladder becomes a table when a fourth connection opens; l brings it back; it was told of all" {
  serve 7000
  watch --kernel off --json "$log/events"
  wait_for says events '"start"'
  open_one
  open_one
  open_one
  wait_for shows '#3 open 127.0.0.1:'
  run ! shows 'q quit'
  open_one
  wait_for shows '4 connections are open together: hence the table. l brings the ladder back; --format'
  wait_for shows '^. open +4 +7000 '
  kill -KILL "${pids[-1]}"
  wait_for shows '^. open +3 +7000 '
  wait_for shows '^. closed +1 +7000 '
  keys l
  wait_for shows '#3 open 127.0.0.1:'
  run ! shows 'q quit'
  kill -KILL "${pids[-2]}"
  wait_for shows '^#[123] ✓ normal' # the fourth was told of before
  keys C-c
  wait_for test -s "$log/status"
  grep -q '4 connections, 2 normal, 2 open' "$log/err" || fail
}

@test "a ladder is left where it ends: what follows stands below it, not over it" {
  tmux -L "$terminal" -f /dev/null new-session -d -x 110 -y 30 -c "$log" \
    "env LC_ALL=C.UTF-8 $TEARDOWN_BIN/capture -i lo; echo the prompt; exec sleep 60"
  wait_for shows 'capturing on lo; Ctrl-C ends it'
  serve 7000
  close_some 127.0.0.1 7000
  wait_for shows '^#1 . normal'
  keys C-c
  wait_for shows '^the prompt'
  [ "$(screen | sed -nE 's/^(capturing on lo; Ctrl-C ends it)$/begun/p; s/^#1 open .*/open/p; s/^#1 . normal.*/judged/p
      s/^[0-9]+ segments, 1 connection, 1 normal$/counted/p; s/^the prompt$/prompt/p' | tr '\n' ' ')" = 'begun open judged counted prompt ' ] ||
    fail "$(screen)"
}

@test "a ladder obeys a resize: each row is as wide as the terminal is then, below 60 one below the other" {
  local columns
  serve 7000 --close-delay 50
  watch --kernel off --format ladder --color never --json "$log/events"
  wait_for says events '"start"'
  for columns in 110 80 60 40; do
    tmux -L "$terminal" resize-window -x "$columns" -y 30
    wait_for eval '[[ $(tmux -L "$terminal" display -p "#{pane_width}") == '"$columns"' ]]'
    tmux -L "$terminal" send-keys -R \; clear-history
    close_some --close-after 100 127.0.0.1 7000
    case $columns in
      # The state of the server stands where the width puts it: nothing is folded by the terminal.
      110) wait_for shows '^[0-9:.]{15} +[+0-9.]+ m?s TIME_WAIT ✓ .{40,60}CLOSED \? +4/4$' ;;
      80) wait_for shows '^ +[+0-9.]+ m?s TIME_WAIT ✓ .{30,45}CLOSED \? +4/4$' ;;
      60) wait_for shows '^ *[+0-9.]+ m?s TIME_WAIT✓ .{15,30}CLOSED\? +4/4$' ;;
      40) wait_for shows '^ *[+0-9.]+ m?s client ACK ack=w\+1 4/4$' ;;
    esac
  done
  keys C-c
  wait_for test -s "$log/status"
}

@test "w saves the packets of what is shown, in a file that was not there" {
  chmod o+w "$log" # root's capture has become nobody
  start
  serve 7000 --close-delay 50
  serve 7001 --never-close
  close_some --count 3 --close-after 20 127.0.0.1 7000
  close_some --count 2 --close-after 20 127.0.0.1 7001
  wait_for shows 'stuck +2 +7001'
  ln -s "$log/elsewhere" "$log/link.pcap"
  keys / 7 0 0 1 Enter
  wait_for shows '/7001'
  keys w s t u c k . p c a p Enter
  wait_for shows '[0-9]+ packets saved in stuck.pcap'
  keys w s t u c k . p c a p Enter
  wait_for shows 'stuck.pcap: File exists; choose another name'
  keys w l i n k . p c a p Enter
  wait_for shows 'link.pcap: File exists'
  keys w . . / x Enter
  wait_for shows '../x: Invalid argument; a name alone'
  keys Enter
  wait_for shows ' \+0\.0 ms FIN_WAIT_1.*FIN seq=u.*CLOSE_WAIT'
  keys w o n e . p c a p Enter
  wait_for shows '[0-9]+ packets saved in one.pcap'
  keys q
  wait_for test -s "$log/status"
  [ ! -e "$log/elsewhere" ]
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$log/stuck.pcap"
  [[ $stderr == *' 2 connections, '* ]] || fail "$stderr"
  [ "$(grep -c ' FIN seq=u' <<<"$output")" -eq 2 ] || fail "$output"
  run --separate-stderr "$TEARDOWN_BIN/capture" -r "$log/one.pcap"
  [[ $stderr == *' 1 connection, '* && $output == *:7001* ]] || fail "$stderr"
}
