# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# Closes without a fault. Sourced by scenario.sh, which has the words used here.

scenario normal 'each side closes its own direction: four segments'
scenario_normal() {
  story 'A connection is two pipes, and each is closed by the end that writes into it.' \
    'The client closes first. The server acknowledges that at once, but closes only 300 ms later.' \
    'So FIN and ACK go both ways, one after the other, and the client ends in TIME_WAIT.'
  # A server that is quick makes three, but not on every machine: here it closes first.
  ((fault)) || client --close-last --close-delay 300
  ((fault)) || server --close-first --close-after 200
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
    lab_await 'the next close' 60 "$(lab_segment final-ack)"
    lab_end_peers
    lab_pids=()
    us=$(lab_field since_first_fin_us "$LAB_EVENT")
    segments=three
    [[ $LAB_EVENT != *' 4/4 '* ]] || segments=four
    lab_say "$(printf '%5d ms %7.1f ms  %s segments' "$delay" "$us"e-3 "$segments")"
    # In between, the timers of both ends race.
    if ((us < 30000)) && [[ $segments == four ]]; then
      wrong "closing after $us us: expected three segments, actual four"
    elif ((us > 250000)) && [[ $segments == three ]]; then
      wrong "closing after $us us: expected four segments, actual three"
    fi
  done
  lab_read_on 150
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

scenario nagle 'where the last bytes wait: Nagle, delayed ACK, cork; and what the FIN does to them'
scenario_nagle() {
  story 'The client has sent its FIN; the server answers with 18 bytes, in three writes of 6, and closes 120 ms later.' \
    'Nagle: a small piece waits while an earlier one is unacknowledged. Delayed ACK: the client waits some 40 ms, to see whether it has something to send with it.' \
    'So each end waits for the other. Only the sniffer sees it: to both applications the network is slow.'
  answer_in_pieces '6 12 FIN' 'By default: two pieces wait for the ACK of the first, and leave as one.' 120
  act
  answer_in_pieces '6 12+FIN' 'The server closes at once: close() does not wait, and what Nagle held leaves with the FIN.' 0
  act
  answer_in_pieces '6 6 6 FIN' 'TCP_NODELAY: no piece waits.' 120 --nodelay
  act
  answer_in_pieces '18+FIN' 'TCP_CORK: all wait for a full segment, 200 ms at most, or for the FIN.' 120 --cork
  act
  quick=1
  answer_in_pieces '6 6 6 FIN' 'TCP_QUICKACK at the client: Nagle as ever, but each ACK comes at once.' 120
}

# answer_in_pieces PIECES WHY CLOSE_DELAY OPTION...: of the server.
answer_in_pieces() {
  local acknowledges=--no-quickack # as in a dialogue; a fresh connection acknowledges at once
  ((!quick)) || acknowledges=--quickack
  client --close shutdown --close-after 100 "$acknowledges"
  server --answer --send 18 --write-size 6 --close-delay "$3" "${@:4}"
  ((fault)) || server_options+=(--nodelay)
  frozen=1 # until the FIN has come, fault or none: the sniffer tells of data only after that
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
END
  [[ $1 == 18+FIN ]] || ladder <<<'server data 0 2/4 FIN_WAIT_2 CLOSE_WAIT'
  ladder <<'END'
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  verdict normal client 4/4 losses=- findings=-
  lab_say ''
  lab_say "$2"
  lab_say "Expected of the answer: $1."
  play the_server_reads
  expect_pieces "$1"
}

the_server_reads() {
  lab_await 'the server to acknowledge the FIN' 60 "$(lab_segment ack1)"
  thaw_server
}

# The sizes of what the server sent, and the times between.
expect_pieces() {
  local event pieces='' gaps='' role bytes us last='' held=0
  for event in "${LAB_EVENTS[@]}"; do
    [[ $event == 'server '@(data|fin2)' '* ]] || continue
    read -r _ role _ <<<"$event"
    bytes=$(lab_field payload_bytes "$event")
    us=$(lab_field since_first_fin_us "$event")
    if [[ -n $last ]]; then
      gaps+=", $(printf '%.1f' $((us - last))e-3)"
      held=$((held + us - last))
    fi
    last=$us
    case $role,$bytes in
      data,*) pieces+=" $bytes" ;;
      fin2,0) pieces+=' FIN' ;;
      fin2,*) pieces+=" $bytes+FIN" ;;
    esac
  done
  pieces=${pieces# }
  lab_say "The answer: $pieces${gaps:+; between them ${gaps#, } ms}."
  [[ $pieces == "$1" ]] || wrong "the answer: expected $1, actual $pieces"
  # Then the ACK came before the FIN.
  [[ $1 != *12+FIN ]] || ((held < 30000)) || excuse="the server closed $((held / 1000)) ms late"
}
