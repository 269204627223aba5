# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# One end waits: how long, and what ends it. Sourced by scenario.sh, which has the words used here.

scenario fin-wait-2-timeout 'FIN_WAIT_2 of a closed socket expires; what comes late earns a RST'
scenario_fin-wait-2-timeout() {
  story 'After close() nobody reads any more, so Linux waits in FIN_WAIT_2 for tcp_fin_timeout only.' \
    'The server keeps it waiting for longer. On the wire nothing tells that the client has gone,' \
    'until a late FIN, and in the second act late data, meet no socket and earn a RST.'
  # Linux's own is 60 s.
  set_sysctl tcp_fin_timeout $((fault ? 1 : 60))
  server --close-delay $((fault ? 3500 : 10000))
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client rst 0 3/4 CLOSED CLOSED
END
  verdict reset client 3/4 reset_cause=fin-wait-2-expired losses=-
  play fin_wait_2_expires

  act
  server --close-delay 6000 --drain 100 # in the middle of it
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server data 0 2/4 FIN_WAIT_2 CLOSE_WAIT
client rst 0 2/4 CLOSED CLOSED
END
  # A RST looks the same from FIN_WAIT_2 as from nowhere.
  verdict reset client 2/4 reset_cause=data-after-close losses=-
  play fin_wait_2_expires
}

fin_wait_2_expires() {
  lab_await 'the client to be in FIN_WAIT_2' 60 "$(lab_segment ack1)"
  expect_sockets 2 05 0 'nobody is in FIN_WAIT_2 any more'
}

scenario fin-wait-2-forever 'FIN_WAIT_2 after shutdown() has no timeout'
scenario_fin-wait-2-forever() {
  story 'After shutdown() the application still has its socket, and may be reading.' \
    'So FIN_WAIT_2 may last for ever: tcp_fin_timeout is for sockets that nobody holds.' \
    'The server closes after three of them, and the close is a normal one.'
  set_sysctl tcp_fin_timeout 1
  client --close "$( ((fault)) && echo shutdown || echo close)" --close-after 200
  server --close-delay 3500
  normal_ladder
  play
}

scenario close-wait-leak 'the server never closes: CLOSE_WAIT, and who holds it'
scenario_close-wait-leak() {
  story 'The client has closed; the server was told (EOF) and does nothing about it.' \
    'The kernel cannot close for it: CLOSE_WAIT lasts as long as the process.' \
    'It is always a fault of the application on that side, and the sniffer asks the kernel which it is.'
  server "$( ((fault)) && echo --never-close || echo --close-delay=300)"
  sniffer --duration 5 --kernel auto
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
END
  verdict unfinished-close-wait client 2/4 server_state=CLOSE_WAIT findings=close-wait-stuck
  play leak
  [[ $first_verdict == *"has not called close(), though it has read the end of file; held by server, pid "* ]] ||
    wrong "the sentence: expected 'held by server', actual $(lab_field sentence "$first_verdict")"
}

leak() {
  lab_await 'the server to be in CLOSE_WAIT' 60 "$(lab_segment ack1)"
  expect_sockets 2 08 1 'one socket is in CLOSE_WAIT'
  lab_read_on 150
  lab_kill "${lab_pids[@]}" # it would never end by itself
}

scenario last-ack-gives-up 'no final ACK ever arrives: LAST_ACK gives up' loss
scenario_last-ack-gives-up() {
  story 'Every final ACK is lost, as if the client had gone.' \
    'The server has closed, so nobody waits for its socket: with tcp_orphan_retries=1 Linux sends the FIN four times (ten times in 107 s by default).' \
    'In the second act the server still has its socket: tcp_retries2=1 makes it as many (15 minutes by default), and ETIMEDOUT.'
  set_sysctl tcp_orphan_retries 1
  server --close-delay 100
  last_ack_ladder 4
  play last_ack_gives_up

  act
  # Linux gives up by time, not by number: with 3 it is the sixth FIN or the fifth, as soon as the round
  # trip is 15 ms.
  set_sysctl tcp_retries2 1
  server --close-delay 100 --close shutdown --hold 5000
  overhear_server
  last_ack_ladder 4
  play last_ack_gives_up
  expect_words 'ETIMEDOUT, when SO_ERROR is asked' '*SO_ERROR*ETIMEDOUT*'
}

# last_ack_ladder N: of so many FINs, each with its ACK lost.
last_ack_ladder() {
  local copy
  client --send 0 --close-after 200
  sniffer --closes 2 # it ends when the kernel has given up
  lose "$1" final-ack
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
END
  for ((copy = 0; copy < $1; copy++)); do
    if [[ $lost_place == before-tap ]]; then
      ladder <<<"server fin2 $copy 3/4 TIME_WAIT LAST_ACK"
    else
      ladder <<<"server fin2 $copy $((copy ? 4 : 3))/4 TIME_WAIT LAST_ACK"
      ladder <<<"client final-ack $copy 4/4 TIME_WAIT CLOSED"
    fi
  done
  if [[ $lost_place == before-tap ]]; then
    # From outside, lost ACKs are not told from a client that is gone.
    verdict unfinished-last-ack client 3/4 server_state=LAST_ACK findings=final-ack-missing
  else
    # Nobody contradicts the last copy: its loss cannot be known.
    verdict normal client 4/4 losses="final-ackx$(($1 - 1)):after-tap"
  fi
}

last_ack_gives_up() {
  lab_await 'the FIN of the server' 60 "$(lab_segment fin2)"
  expect_sockets 20 09 0 'nobody is in LAST_ACK any more'
  end_sniffer
}

# ---- a FIN that has to wait ----

# The client's buffer takes all that it sends, and the server's much less.
small_window() {
  set_sysctl tcp_wmem '4096 4000000 4000000'
  set_sysctl tcp_rmem '4096 65536 65536'
  freeze_server
}

# The client's timer is that of the zero-window probes: it has more to send, nothing of it is under way,
# and no window. As long as the server is stopped, that lasts.
is_window_closed() {
  local remote_end timer port
  printf -v port ':%04X' "$LAB_PORT"
  while read -r _ _ remote_end _ _ timer _; do
    [[ $remote_end != *"$port" || $timer != 04:* ]] || return 0
  done </proc/net/tcp
  return 1
}

scenario zero-window 'FIN held back by a zero window: FIN_WAIT_1 long before the FIN'
scenario_zero-window() {
  story 'The server is stopped (SIGSTOP), so that it does not read, and its window closes.' \
    'The client calls close() with data unsent: FIN_WAIT_1 begins, but the FIN is the last octet of the queue.' \
    'Only when the server goes on (SIGCONT) and reads do the data leave, and the FIN with them.'
  small_window
  client --send 500000 --close-after 300
  normal_ladder
  play fin_waits
}

scenario killed 'a process is killed with data unsent: the kernel sends them, and the FIN'
scenario_killed() {
  story 'The server does not read, and the client is killed (SIGKILL) while its data wait for a window.' \
    'Nobody called close(), but the kernel closes what a dead process leaves, and in the same way:' \
    'it keeps what was written, delivers it when the server reads again, and then sends the FIN.'
  small_window
  client --send 500000 --close-after 30000
  normal_ladder
  play client_dies
}

client_dies() {
  if ((fault)); then
    until_true 10 is_window_closed || wrong 'unsent data: expected a closed window, actual an open one'
  else
    until_true 10 are_sockets 01 2 || wrong 'there is no connection'
  fi
  lab_kill "${lab_pids[1]}"
  fin_waits
}

# No FIN: a stopped server lets none leave, however long one waits. One that reads lets it, however late.
fin_waits() {
  local status tries
  expect_sockets 5 04 1 'one socket is in FIN_WAIT_1'
  for ((tries = fault ? 1 : 10; tries > 0; tries--)); do
    status=0
    lab_next || status=$?
    ((status == 1)) || break
  done
  if ((status == 1)); then
    lab_say 'The sniffer: a second later, still no FIN.'
  else
    wrong "the wire: expected no FIN within a second, actual $LAB_EVENT"
  fi
  thaw_server
}

scenario peer-gone 'no FIN ever arrives: FIN_WAIT_1 gives up, and the server never knows' loss
scenario_peer-gone() {
  local copy
  story 'The path to the server is cut, and the client closes: each FIN is lost.' \
    'The client is in FIN_WAIT_1 until it gives up, after four FINs with tcp_orphan_retries=1.' \
    'The server is ESTABLISHED for ever: it waits for data, and silence is not an error.'
  set_sysctl tcp_orphan_retries 1
  client --send 0 --close-after 200
  server --never-close
  sniffer --closes 2 # it ends when the kernel has given up
  lose 4 fin1
  [[ $lost_place == after-tap ]] || lack 'lost before the sniffer, no FIN is ever seen: use --place ingress'
  for copy in 0 1 2 3; do ladder <<<"client fin1 $copy 1/4 FIN_WAIT_1 CLOSE_WAIT"; done
  verdict unfinished-fin-unanswered client 1/4 client_state=FIN_WAIT_1 findings=fin-unanswered
  play client_gives_up
}

client_gives_up() {
  lab_await 'the FIN of the client' 60 "$(lab_segment fin1)"
  expect_sockets 20 04 0 'nobody is in FIN_WAIT_1 any more'
  expect_sockets 1 01 1 'one end is still ESTABLISHED'
  end_sniffer
  lab_read_on 150
  lab_kill "${lab_pids[0]}" # it would never end by itself
}
