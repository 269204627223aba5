# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# One of the four segments is lost. Sourced by scenario.sh, which has the words used here.
# The client sends no data, so that the ACK of the FIN is the server's only one.

scenario lost-final-ack 'the final ACK is lost: why there is a TIME_WAIT' loss
scenario_lost-final-ack() {
  story 'The client closes first, so it sends the last of the four segments, and nobody acknowledges that.' \
    'It is lost, twice. The server, still in LAST_ACK, sends its FIN again, and again.' \
    'The client is in TIME_WAIT in order to answer. (lost-ack.sh has more to choose from.)'
  client --send 0 --close-after 200
  server --close-delay 100
  lose 2 final-ack
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
END
  local losses=final-ackx2:after-tap
  if [[ $lost_place == before-tap ]]; then
    ladder <<'END'
server fin2 1 3/4 TIME_WAIT LAST_ACK
server fin2 2 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
    # The ACK that came tells that one FIN had arrived before; of the other, nobody can.
    losses=final-ackx1:before-tap,fin2/final-ackx1:unknown
  else
    ladder <<'END'
client final-ack 0 4/4 TIME_WAIT CLOSED
server fin2 1 4/4 TIME_WAIT LAST_ACK
client final-ack 1 4/4 TIME_WAIT CLOSED
server fin2 2 4/4 TIME_WAIT LAST_ACK
client final-ack 2 4/4 TIME_WAIT CLOSED
END
  fi
  verdict normal client 4/4 losses="$losses" findings=-
  play
}

scenario lost-fin1 'the first FIN is lost: the server knows nothing yet' loss
scenario_lost-fin1() {
  story 'The client closes, and its FIN is lost: the server is still in ESTABLISHED, whatever the sniffer saw.' \
    'The client waits in FIN_WAIT_1 for an ACK, and after some 200 ms sends the FIN again.' \
    'From there on all is as usual.'
  client --send 0 --close-after 200
  lose 1 fin1
  if [[ $lost_place == after-tap ]]; then
    ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
client fin1 1 1/4 FIN_WAIT_1 CLOSE_WAIT
END
  else
    ladder <<<'client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT'
  fi
  ladder <<'END'
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  # Nothing tells a sniffer of a FIN that was lost before it.
  verdict normal client 4/4 losses="$([[ $lost_place == before-tap ]] && echo - || echo fin1x1:after-tap)" findings=-
  play
}

scenario lost-ack1 'the ACK of the first FIN is lost: the FIN comes twice' loss
scenario_lost-ack1() {
  story 'The server gets the FIN and acknowledges it, but the ACK is lost.' \
    'The client cannot tell that from a lost FIN, and sends its FIN again.' \
    'The server answers the second copy at once, with a D-SACK: it had that already.'
  client --send 0 --close-after 200
  server --close-delay 600
  lose 1 ack1
  if [[ $lost_place == before-tap ]]; then
    ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
client fin1 1 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
END
  else
    ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
client fin1 1 2/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 1 2/4 FIN_WAIT_2 CLOSE_WAIT
END
  fi
  ladder <<'END'
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  verdict normal client 4/4 losses="ack1x1:$lost_place" findings=-
  play
}

scenario lost-fin2 'the second FIN is lost: FIN_WAIT_2 lasts longer' loss
scenario_lost-fin2() {
  story 'The client has closed, and waits in FIN_WAIT_2 for the FIN of the server.' \
    'That is lost. The server is in LAST_ACK, where a FIN is sent again until it is acknowledged.' \
    'The client never learns that there was another.'
  client --send 0 --close-after 200
  lose 1 fin2
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
END
  [[ $lost_place == before-tap ]] || ladder <<<'server fin2 1 3/4 TIME_WAIT LAST_ACK'
  ladder <<<'client final-ack 0 4/4 TIME_WAIT CLOSED'
  verdict normal client 4/4 losses="$([[ $lost_place == before-tap ]] && echo - || echo fin2x1:after-tap)" findings=-
  play
}
