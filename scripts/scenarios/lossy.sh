# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# Many closes over a bad network. Sourced by scenario.sh, which has the words used here.

connections=100 unsure_max=5

scenario lossy 'a hundred closes over a network that loses, delays, reorders, doubles' netem
scenario_lossy() {
  story "$connections connections share a network that loses 5 % of all segments, and delays, reorders and doubles others." \
    'TCP ends each of them by the book; the sniffer has to see that, or to say what it misses: where the FIN of one end and its ACK of the other FIN were lost before it, the two may have crossed.' \
    'In the first act it sits at the receivers, behind the losses; in the second at the senders, before them.'
  [[ $backend != nft ]] || lack 'nft neither delays nor reorders: leave out --backend nft'
  client --send 0 --close-after 200
  play_lossy client "${place:-egress}"

  act
  server --close-first --close-after 200
  client --send 0 --close-last --close-delay 300
  play_lossy server "${place:-ingress}"
}

# play_lossy FIRST WHERE: that end closes first, and netem is there (as for --place).
play_lossy() {
  lab_say "Expected: $connections verdicts, all normal or coalesced, the $1 closed first, but for $unsure_max at most that cannot tell; TIME_WAIT at the $1."
  ((!fault)) || spoil_network "$2"
  lab_start_server "${server_options[@]}" --count "$connections" >/dev/null
  sniffer
  start_sniffer_unseen
  lab_start_client "$address" "${client_options[@]}" --count "$connections" --parallel 25
  end_when_over "${lab_pids[-1]}" &
  lab_read_verdicts
  lab_end_sniffer || true
  lab_end_peers
  lab_pids=()
  check_lossy "$1" "$2"
}

# end_when_over CLIENT: ends the sniffer when all closes are over. Of one whose FIN was sent several
# times, and still waits for its ACK, a verdict would come before, and would say that.
end_when_over() {
  if until_true 60 has_ended "$1"; then until_true 60 are_sockets '0[^6A]' 0 || true; fi
  end_sniffer
}
has_ended() { ! kill -0 "$1" 2>/dev/null; }

spoil_network() {
  local -a bad=(netem loss 5% delay 10ms 5ms reorder 10% duplicate 3%)
  LAB_BACKEND=netem
  if [[ $1 == egress ]]; then
    lab_device=lo
    tc qdisc add dev lo root handle "$lab_handle:" "${bad[@]}"
  else
    lab_device=$LAB_OWN
    lab_add_ifb "${bad[@]}"
    tc filter add dev lo ingress protocol all pref 1 u32 match u32 0 0 \
      action mirred egress redirect dev "$LAB_OWN"
  fi
  lab_say "${bad[*]}, at $1"
}

# check_lossy FIRST WHERE. Without a process for each field: here they are many.
check_lossy() {
  local event rest loss dropped='' wrong_one='' wrong_ones=0 unsure_one='' unsure=0
  local -a losses
  local -A verdicts=() endings=() lost=()
  for event in "${LAB_EVENTS[@]}"; do
    if [[ $event == 'verdict '* ]]; then
      rest=${event#* # conn=}
      verdicts[${rest%% *}]=$event # the last one of a connection counts
    else
      dropped=${event##* dropped=}
    fi
  done
  ((${#verdicts[@]} == connections)) || wrong "verdicts: expected $connections, actual ${#verdicts[@]}"
  [[ $dropped == 0 ]] || wrong "segments that the sniffer missed: expected 0, actual '$dropped'"
  for event in "${verdicts[@]}"; do
    if [[ $event == 'verdict ending='@(normal|coalesced)" closed_first=$1 "*' verdict=conforms '* ]]; then
      rest=${event#* ending=}
      count endings "${rest%% *}" 1
    elif [[ $event == *' verdict=cannot-tell '* ]]; then
      unsure=$((unsure + 1)) unsure_one=$event
    else
      wrong_ones=$((wrong_ones + 1)) wrong_one=$event
    fi
    rest=${event#* losses=}
    IFS=, read -ra losses <<<"${rest%% *}"
    for loss in "${losses[@]#-}"; do # ROLExN:PLACE, or -
      [[ -n $loss ]] || continue
      rest=${loss%:*}
      count lost "${rest%x*}:${loss##*:}" "${rest##*x}"
    done
  done
  ((!wrong_ones)) ||
    wrong "$wrong_ones verdicts: expected $1 first, normal or coalesced, conforms; actual '$(lab_field sentence "$wrong_one")'"
  ((unsure <= unsure_max)) ||
    wrong "verdicts that cannot tell: expected $unsure_max at most, actual $unsure: '$(lab_field sentence "$unsure_one")'"
  show_lossy
  agree_with_kernel "$@"

  LAB_LOST=0
  ((!fault)) || lab_count_losses
  lab_say "netem lost $LAB_LOST segments of all kinds."
  ((LAB_LOST > 0)) || wrong 'segments lost by netem: expected some, actual none'
}

# count ARRAY KEY N
count() {
  local -n array=$1
  array[$2]=$((${array[$2]-0} + $3))
}

# Of what check_lossy has counted.
show_lossy() {
  local name
  printf '\n  %-14s %11s\n' ending connections
  for name in "${!endings[@]}"; do printf '  %-14s %11d\n' "$name" "${endings[$name]}"; done
  ((!unsure)) || printf '  %-14s %11d\n' 'cannot tell' "$unsure"
  printf '\n  %-14s %6s %6s %7s   %s\n' lost before after unknown '(the sniffer)'
  for name in fin1 ack1 fin1/ack1 fin2 final-ack fin2/final-ack; do
    [[ $name != */* || -n ${lost[$name:unknown]-} ]] || continue
    printf '  %-14s %6d %6d %7d\n' "$name" "${lost[$name:before-tap]-0}" \
      "${lost[$name:after-tap]-0}" "${lost[$name:unknown]-0}"
  done
  printf '\n'
}

# agree_with_kernel FIRST WHERE: of the verdicts of check_lossy.
agree_with_kernel() {
  local event kernel other=server waits=0
  [[ $1 == client ]] || other=client
  expect_sockets 10 '0[^6A]' 0 'every socket has gone, or is in TIME_WAIT'
  kernel=$(time_waits "$1")
  for event in "${verdicts[@]}"; do
    [[ $event != *" $1_state=TIME_WAIT "* ]] || waits=$((waits + 1))
  done
  lab_say "TIME_WAIT at the $1: $waits by the verdicts, $kernel by the kernel; an RST ended the others."
  (($(time_waits "$other") == 0)) || wrong "TIME_WAIT at the $other: expected none, actual $(time_waits "$other")"
  # An RST that is lost behind the sniffer ends nothing.
  if [[ $2 == egress ]]; then
    ((kernel == waits)) || wrong "TIME_WAIT at the $1: expected $waits, actual $kernel"
  else
    ((kernel >= waits && kernel <= connections)) ||
      wrong "TIME_WAIT at the $1: expected $waits to $connections, actual $kernel"
  fi
}
