# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# TIME_WAIT, and what is late. Sourced by scenario.sh, which has the words used here.

# ---- holding segments back ----

# A bucket that fills by an octet a second. Full, it lets one frame pass, so that is spent on a
# datagram; what comes then stays until release.
bucket=(tbf burst 100 limit 100000)
spend() { printf '%58s' '' >/dev/udp/127.0.0.1/9; }

hold_all() {
  tc qdisc add dev lo root handle "$lab_handle:" "${bucket[@]}" rate 8bit
  held=(root handle "$lab_handle:")
  spend
}

# be_patient SECONDS: for so long nobody repeats what is not acknowledged, which leaves time to release
# what is held on a busy machine.
be_patient() {
  if [[ $address == *:* ]]; then # the kernel's own route cannot be changed
    ip -6 route del local ::1 dev lo table local
    ip -6 route add local ::1 dev lo table local rto_min "$1s"
  else
    ip route replace local 127.0.0.1 dev lo table local rto_min "$1s"
  fi
}

await_held() {
  until_true 10 are_held "$1" || wrong "held back: expected $1 segments, actual $(tc -s qdisc show dev lo)"
}

# release N: once so many are held, all go on, in their order.
release() {
  await_held "$1"
  let_go
}

let_go() {
  tc qdisc change dev lo "${held[@]}" "${bucket[@]}" rate 1gbit
  spend # whatever is sent next makes the queue look again
}

are_held() { [[ $(tc -s qdisc show dev lo) == *"tbf ${held[*]: -1}"*" backlog "*"b $1p "* ]]; }

# ---- simultaneous close ----

scenario simultaneous 'both close at once: the FINs cross, CLOSING on both sides' tbf
scenario_simultaneous() {
  story 'Both ends close before either has the FIN of the other.' \
    'On loopback a segment is never under way for long, so a queue holds both FINs until they are two.' \
    'Each end gets a FIN where it awaits an ACK: CLOSING. Both have closed first; both get TIME_WAIT.'
  client --send 0 --close-after 2000
  server --close-first --close-after 2500
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server fin2 0 2/4 CLOSING CLOSING
server ack1 0 3/4 TIME_WAIT CLOSING
client final-ack 0 4/4 TIME_WAIT TIME_WAIT
END
  verdict simultaneous both 4/4 losses=- client_state=TIME_WAIT server_state=TIME_WAIT
  be_patient 10
  play fins_cross
}

fins_cross() {
  until_true 5 are_sockets 01 2 || wrong 'there is no connection'
  ((fault)) || return 0
  hold_all
  release 2
}

# ---- the late final ACK ----

# hold_acks client|server: the pure ACKs of that end are held, but for the answers to what came twice:
# those have a D-SACK, and so a longer header. All else passes.
hold_acks() {
  local protocol=ip tcp=20 port
  [[ $address != *:* ]] || protocol=ipv6 tcp=40
  port=$tcp # of the source, and behind it that of the destination
  [[ $1 == server ]] || port=$((tcp + 2))
  if ! tc qdisc add dev lo root handle "$lab_handle:" prio bands 4 \
    priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2>/dev/null; then
    tc qdisc add dev lo root handle "$lab_handle:" htb default 1
    tc class add dev lo parent "$lab_handle:" classid "$lab_handle:1" htb rate 1gbit quantum 20000
    tc class add dev lo parent "$lab_handle:" classid "$lab_handle:4" htb rate 1gbit quantum 20000
  fi
  held=(parent "$lab_handle:4" handle 40:)
  tc qdisc add dev lo "${held[@]}" "${bucket[@]}" rate 8bit
  tc filter add dev lo parent "$lab_handle:" protocol ip pref 1 u32 \
    match u8 17 0xff at 9 match u16 9 0xffff at 22 flowid "$lab_handle:4"
  tc filter add dev lo parent "$lab_handle:" protocol "$protocol" pref 2 u32 \
    match u16 "$LAB_PORT" 0xffff at $port match u16 0x8010 0xf017 at $((tcp + 12)) \
    flowid "$lab_handle:4"
  spend
}

# What is sent from now on passes; what is held stays.
hold_no_more() { tc filter del dev lo parent "$lab_handle:" pref 2; }

late_final_ack() {
  client --send 0 --close-after 200
  server --close-delay 100
  freeze_server # until what follows can be held
  be_patient 1
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
server fin2 1 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
client final-ack 1 4/4 TIME_WAIT CLOSED
server rst 0 4/4 CLOSED CLOSED
END
  verdict normal client 4/4 losses=- reset_cause=late-final-ack findings=rst-in-time-wait
}

scenario late-final-ack 'the final ACK is only late: its second copy ends TIME_WAIT' tbf
scenario_late-final-ack() {
  story 'The final ACK is not lost but held back until the server has sent its FIN again.' \
    'The client answers that too. The first ACK closes the server; the second meets no socket: RST.' \
    'It ends TIME_WAIT (RFC 1337), with no attacker; with tcp_rfc1337=1, in the second act, it does not.'
  set_sysctl tcp_rfc1337 0
  late_final_ack
  play final_ack_comes_late
  expect_sockets 1 06 0 'nobody is in TIME_WAIT'

  act
  set_sysctl tcp_rfc1337 1
  late_final_ack
  # The wire shows the RST, but not that it is ignored.
  play final_ack_comes_late
  expect_sockets 0 06 1 'TIME_WAIT goes on'
}

final_ack_comes_late() {
  lab_await 'the server to acknowledge the FIN' 60 "$(lab_segment ack1)"
  ((fault)) || return 0
  hold_acks client
  thaw_server
  release 2
}

# ---- an old duplicate ----

old_duplicate() {
  client --close-after 2000 # the time there is to send the greeting again
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
client final-ack 1 4/4 TIME_WAIT CLOSED
server rst 0 4/4 CLOSED CLOSED
END
  verdict normal client 4/4 losses=- findings=rst-in-time-wait
  # An ACK, for Linux does not send data again while its own queue still has them.
  ((!fault)) || hold_acks server
}

scenario assassination 'an old duplicate ends TIME_WAIT: RFC 1337, allowed and forbidden' tbf
scenario_assassination() {
  story 'The ACK of the greeting is held back, so the client sends that again, and the close is a normal one.' \
    'Then the old ACK arrives. TIME_WAIT answers it, as any segment with an old number: with an ACK of its own.' \
    'That meets no socket, and the RST ends TIME_WAIT too early; with tcp_rfc1337=1, in the second act, it does not.'
  set_sysctl tcp_rfc1337 0
  old_duplicate
  play old_ack_arrives
  expect_sockets 1 06 0 'nobody is in TIME_WAIT'

  act
  set_sysctl tcp_rfc1337 1
  old_duplicate
  play old_ack_arrives
  expect_sockets 0 06 1 'TIME_WAIT goes on'
}

old_ack_arrives() {
  ((fault)) || return 0
  await_held 1
  hold_no_more
  lab_await 'the end of the close' 60 "$(lab_segment final-ack)"
  let_go # at once: a second later the sniffer has given its verdict
}

# ---- the same ports again ----

scenario reuse-four-tuple 'the same four-tuple again during TIME_WAIT: allowed, and refused'
scenario_reuse-four-tuple() {
  local connection
  story 'The client is in TIME_WAIT, and connects again from the same port to the same server.' \
    'Linux allows it when timestamps tell old segments from new ones (RFC 6191).' \
    'Without timestamps, in the second act, connect() fails with EADDRNOTAVAIL.'
  set_sysctl tcp_timestamps 1
  server --close-delay 100 --count 2
  client --send 0 --close-after 100
  ((!fault)) || client --send 0 --close-after 100 --local-port 40000
  sniffer --closes 2
  for connection in 1 2; do
    ladder "$connection" <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
    verdict normal client 4/4 losses=- reuses_time_wait="$( ((connection == 1)) && echo - || echo timestamp)"
  done
  play connects_again

  act
  set_sysctl tcp_timestamps 0
  server --close-delay 100
  client --send 0 --close-after 100
  ((!fault)) || client --send 0 --close-after 100 --local-port 40001
  normal_ladder
  play is_refused
}

connects_again() {
  lab_await 'the end of the first close' 60 "$(lab_segment final-ack)"
  lab_start_client "$address" "${client_options[@]}"
}

is_refused() {
  lab_await 'the end of the close' 60 "$(lab_segment final-ack)"
  expect_refusal 'that local port still has a connection'
}

# expect_refusal WORDS: what the client says of the next connection.
expect_refusal() {
  local said
  said=$("$LAB_BIN/client" "${client_options[@]}" "$address" "$LAB_PORT" 2>&1) || true
  lab_say "$said"
  [[ $said == *"$1"* ]] || wrong "another connection: expected $1, actual '$said'"
}

scenario restart-in-time-wait 'a server that closed first is started again: EADDRINUSE'
scenario_restart-in-time-wait() {
  story 'The server closes first, ends, and leaves its port in TIME_WAIT: started again, it may not bind it.' \
    'SO_REUSEADDR is a word that both have to say: the old socket, whose TIME_WAIT keeps it, and the new one.' \
    'In the first act the old one does not; in the second both do (libuv sets it), and the port is free.'
  closes_before_restart --no-reuse-address
  expect_restart refused 'neither has SO_REUSEADDR' --no-reuse-address
  expect_restart refused 'only the new one has SO_REUSEADDR'

  act
  closes_before_restart
  expect_restart refused 'only the old one has SO_REUSEADDR' --no-reuse-address
  expect_restart listening 'both have SO_REUSEADDR'
}

# closes_before_restart OPTION...: of the old server.
closes_before_restart() {
  server --listen "$address" --close-first --close-after 200 "$@"
  client --send 0 --close-last --close-delay 300
  ((fault)) || server --listen "$address" --close-delay 300 "$@"
  ((fault)) || client --send 0 --close-after 200
  ladder <<'END'
server fin1 0 1/4 CLOSE_WAIT FIN_WAIT_1
client ack1 0 2/4 CLOSE_WAIT FIN_WAIT_2
client fin2 0 3/4 LAST_ACK TIME_WAIT
server final-ack 0 4/4 CLOSED TIME_WAIT
END
  verdict normal server 4/4 losses=- findings=- server_state=TIME_WAIT
  play
  expect_sockets 2 06 1 'one socket is in TIME_WAIT'
}

# expect_restart refused|listening WHY OPTION...
expect_restart() {
  local said actual=listening
  lab_say "Started again, $2:"
  said=$( (lab_start_server --listen "$address" "${@:3}" && kill "${lab_pids[@]}") 2>&1) || actual=refused
  lab_say "${said%$'\n'"$lab_name": *}" # without what lab_start_server thinks of it
  [[ $actual == "$1" && ($1 == listening || $said == *'address already in use'*) ]] ||
    wrong "restart, $2: expected it $1, actual '$said'"
}

scenario time-wait-exhaustion 'ten ports, ten TIME_WAITs: the eleventh connect fails'
scenario_time-wait-exhaustion() {
  story 'Who closes first pays with a port for 60 s. This client has ten of them, and uses all.' \
    'The eleventh connect() finds none: EADDRNOTAVAIL, until tcp_tw_reuse=1 lends one again after a second.' \
    'If the server closes first, in the second act, there is always a port: the wrong cure, for now the server keeps every TIME_WAIT, and it has many clients.'
  set_sysctl tcp_tw_reuse 0
  set_sysctl ip_local_port_range "40000 $((fault ? 40009 : 40019))"
  client --send 0 --close-after 200
  lab_say "Expected: ten closes, no eleventh port, and one more close with tcp_tw_reuse=1."
  lab_start_server --close-delay 100 --count 11 >/dev/null
  sniffer --closes 11
  start_sniffer_unseen
  connect_many 10
  expect_sockets 5 06 10 'ten sockets are in TIME_WAIT'
  expect_refusal 'address not available; no local port is free'
  ((fault)) || fail
  set_sysctl tcp_tw_reuse 1
  until_true 10 connect_once || wrong 'another connection: expected one within 10 s, actual none'
  finish_unseen 11 client

  act
  set_sysctl tcp_tw_reuse 0
  client --send 0 --close-last --close-delay 100
  lab_say "Expected: twelve closes, and TIME_WAIT at the server only."
  lab_start_server --close-first --close-after 100 --count 12 >/dev/null
  sniffer --closes 12
  start_sniffer_unseen
  connect_many 12
  finish_unseen 12 server
  time_wait_moved
}

# The ports are free again, for TIME_WAIT has gone to the server: to be paid there.
time_wait_moved() {
  local all at_server
  count_sockets 06
  all=$SOCKETS
  at_server=$(time_waits server)
  lab_say "The kernel: $all sockets are in TIME_WAIT, $at_server of them at the server."
  ((all > 0 && at_server == all)) ||
    wrong "TIME_WAIT: expected at the server only, actual $at_server of $all there"
}

connect_many() {
  "$LAB_BIN/client" "${client_options[@]}" --count "$1" "$address" "$LAB_PORT" ||
    wrong "$1 connections: expected all, actual an error"
}

connect_once() {
  "$LAB_BIN/client" "${client_options[@]}" "$address" "$LAB_PORT" 2>/dev/null
}

# finish_unseen N END: so many closes, and that end was the first closer of all.
finish_unseen() {
  local event closes=0
  lab_read_on 150
  lab_end_sniffer || true
  lab_end_peers
  lab_pids=()
  for event in "${LAB_EVENTS[@]}"; do
    [[ $event == 'verdict '*" closed_first=$2 "*' verdict=conforms '* ]] &&
      closes=$((closes + 1))
  done
  lab_say "The sniffer: $closes closes that conform, and the $2 closed first."
  ((closes == $1)) || wrong "closes by the $2: expected $1, actual $closes"
}
