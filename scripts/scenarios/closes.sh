# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# Closes without a fault. Sourced by scenario.sh, which has the words used here.

scenario normal 'each side closes its own direction: four segments'
scenario_normal() {
  story 'A connection is two pipes, and each is closed by the end that writes into it.' \
    'The client closes first. The server acknowledges that at once, but closes only 300 ms later.' \
    'So FIN and ACK go both ways, one after the other, and the client ends in TIME_WAIT.'
  ((fault)) || server --close-delay 0
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  verdict normal client 4/4 losses=- findings=- client_state=TIME_WAIT server_state=CLOSED
  play
}

scenario coalesced 'a server that closes at once: ACK and FIN in one segment make three'
scenario_coalesced() {
  local delay us segments
  local -a delays=(0 10 20 30 40 50 60 80 100 300)
  story 'Linux does not acknowledge a FIN at once: it waits some 40 ms for something to send with the ACK.' \
    'A server that closes within that time has something: its own FIN. Two and three become one segment.' \
    'After the ladder, the delay of the close is swept, so that one sees where three become four.'
  server --close-delay $((fault ? 0 : 300))
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server fin2+ack1 0 2/3 TIME_WAIT LAST_ACK
client final-ack 0 3/3 TIME_WAIT CLOSED
END
  verdict coalesced client 3/3 losses=- findings=-
  play
  us=$(lab_field duration_us "$first_verdict")
  # The server was not given the processor in time to win that race.
  ((us < 30000)) || excuse="the server closed $((us / 1000)) ms late"

  act
  lab_say ''
  lab_say 'The server closes so long after the FIN of the client:'
  lab_say '   meant   measured'
  sniffer --closes ${#delays[@]}
  start_sniffer_unseen
  for delay in "${delays[@]}"; do
    lab_start_server --close-delay "$delay" >/dev/null
    lab_start_client "$address" --close-after 100 >/dev/null
    lab_await 'the next close' 10 "$(lab_segment final-ack)"
    lab_end_peers
    lab_pids=()
    us=$(lab_field since_first_fin_us "$LAB_EVENT")
    segments=three
    [[ $LAB_EVENT != *'"count":"4/4"'* ]] || segments=four
    lab_say "$(printf '%5d ms %7.1f ms  %s segments' "$delay" "$us"e-3 "$segments")"
    # In between, the timers of both ends race.
    if ((us < 30000)) && [[ $segments == four ]]; then
      wrong "closing after $us us: expected three segments, actual four"
    elif ((us > 250000)) && [[ $segments == three ]]; then
      wrong "closing after $us us: expected four segments, actual three"
    fi
  done
  lab_read_on 65
  lab_end_sniffer || true
}

scenario half-close-data 'data still flow the other way after the FIN'
scenario_half-close-data() {
  story 'The client says by shutdown() that it has no more to send, but it reads on.' \
    'The server is in CLOSE_WAIT, where sending is allowed, and sends 3000 bytes before it closes.' \
    'The client acknowledges them in FIN_WAIT_2: half of the connection is as good as ever.'
  client --close "$( ((fault)) && echo shutdown || echo close)" --close-after 200
  server --close-delay 400 --drain 3000
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server data 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  verdict normal client 4/4 losses=- findings=-
  play
}
