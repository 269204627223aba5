#!/usr/bin/env bash
# A real close whose final ACK is lost, in a network namespace of its own. usage() has the options.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "${0%"${0##*/}"}lab.sh"

usage() {
  cat <<'END'
Usage: lost-ack.sh [OPTION]...
Closes a real TCP connection, loses the final ACK of the close, and shows what TCP does about it.

  --count N          lose it N times, 1 to 9 (default 1); Linux gives up after ten FINs
  --place WHERE      egress: lost before the sniffer sees it (default); ingress: after
  --backend WHAT     auto (default: netem if the kernel has it), netem or nft; netem is
                     played by user-mode Linux, if that is installed and the kernel has none
  -4, -6             IPv4 (default) or IPv6
  --server-first     the server closes first, so the server's ACK is lost
  --close-delay MS   how long the side that closes second waits with its FIN (default 1000):
                     the time there is to stop it (SIGSTOP) until the fault is armed
  --wait             sit through TIME_WAIT's 60 seconds, with a countdown
  --host             use this machine's own lo instead of a private one (root only)
  --no-fault         do all this and lose nothing: must end with status 1
  --json             the sniffer's NDJSON and one result object on stdout, the rest on stderr
  --help             this text

Status: 0 when exactly N final ACKs were lost and the sniffer says so, 1 otherwise, 2 for misuse.
END
}

count=1 place=egress backend=auto address=127.0.0.1 first=client last=server
close_delay=1000 sit=0 fault=1 json=0 inside=0
arguments=("$@")
while (($# > 0)); do
  option=$1
  shift
  case $option in
    --count | --place | --backend | --close-delay)
      (($# > 0)) || lab_misuse "$option wants a value (--help)"
      ;;&
    --count)
      lab_number --count "$1" 1 9
      count=$((10#$1))
      shift
      ;;
    --place)
      lab_word --place "$1" egress ingress
      place=$1
      shift
      ;;
    --backend)
      lab_word --backend "$1" auto netem nft
      backend=$1
      shift
      ;;
    --close-delay)
      lab_number --close-delay "$1" 100 30000 # below, the ACK may ride on the FIN
      close_delay=$((10#$1))
      shift
      ;;
    -4) address=127.0.0.1 ;;
    -6) address=::1 ;;
    --server-first) first=server last=client ;;
    --wait) sit=1 ;;
    --host) LAB_HOST=1 ;;
    --no-fault) fault=0 ;;
    --json) json=1 ;;
    --inside) inside=1 ;;
    -h | --help)
      usage
      exit
      ;;
    *) lab_misuse "there is no option '$option'; --help lists them" ;;
  esac
done

if ((!inside)); then
  lab_supervise "${arguments[@]}"
  exit
fi

lab_enter
((!json)) || exec 1>&2
# There a program starts in 50 to 150 ms: hence the delay, unless another is asked for.
if [[ $backend == netem ]] && ((!LAB_HOST)); then
  lab_in_user_mode -- "$lab_scripts/lost-ack.sh" --inside --close-delay 5000 "${arguments[@]}"
fi

times=once
((count == 1)) || times="$count times"
lab_say "The $first closes first, so it sends the last of the four segments: the ACK of the $last's FIN."
lab_say "Nobody acknowledges that ACK, so the $first cannot know whether it arrived. We lose it $times."
lab_say "The $last will then send its FIN again, and TIME_WAIT is there to answer it."
lab_open_loss "$backend" "$place"
lab_say ''

if [[ $first == client ]]; then
  server_options=(--close-delay "$close_delay")
  client_options=()
else
  server_options=(--close-first)
  client_options=(--close-last --close-delay "$close_delay")
fi
lost=final-ackx$count
# Of several that were lost before the sniffer, the one that came proves a single loss: each of the
# others may have been the ACK or the FIN before it.
if [[ $place == egress ]] && ((count > 1)); then
  lost=final-ack,lost=fin2/final-ackx$((count - 1))
fi
sniffer_options=(--closes 1 --expect "normal,lost=$lost")
if ((json)); then
  sniffer_options+=(--format json)
  exec {peers}>&1 # stderr, by now
else
  # shellcheck disable=SC2154 # lab_margin is opened by lab_enter
  peers=$lab_margin
  sniffer_options+=(--format ladder --margin "/dev/fd/$lab_margin")
fi
((!sit)) || sniffer_options+=(--wait)

lab_start_server "${server_options[@]}" >&"$peers"
lab_start_sniffer "${sniffer_options[@]}"
lab_start_client "$address" "${client_options[@]}" >&"$peers"

lab_await "the $last to acknowledge the $first's FIN" 60 "$(lab_segment ack1)"
armed=0
if ((fault)); then
  closes_last=${lab_pids[0]} # the server
  [[ $last == server ]] || closes_last=${lab_pids[1]}
  kill -STOP "$closes_last" # however long the arming takes
  lab_arm_final_ack "$count"
  armed=$EPOCHREALTIME
  kill -CONT "$closes_last"
  lab_note "armed: $LAB_BACKEND will lose the next ACK with number $LAB_ACK from $LAB_FROM $times"
  ((!json)) || lab_hear_margin
fi

lab_await "the $last's FIN" $((60 + close_delay / 1000)) "$(lab_segment fin2)"
fin2=$(lab_field t "$LAB_EVENT")
# The gaps between its FINs double from 0.2 s; the sniffer then waits for one more.
lab_await 'the end of the close' $((60 + (1 << count) / 2 + 90 * sit)) 'verdict *'
verdict=$LAB_EVENT
lab_count_losses
lab_disarm_loss
expected=1
lab_end_sniffer || expected=0
lab_end_peers

tap=before-tap
[[ $place == egress ]] || tap=after-tap
[[ $verdict == *":$tap"[,\ ]* ]] || expected=0

problems=()
((10#${armed/[.,]/} < 10#${fin2/./})) ||
  problems+=("the fault was armed too late, after the $last's FIN: give it more time with --close-delay $((2 * close_delay))")
((LAB_LOST == count)) || problems+=("$LAB_BACKEND lost $LAB_LOST final ACKs, not $count")
((expected)) || problems+=("the sniffer should have said: normal, final ACK lost $times, $tap")

if ((json)); then
  # shellcheck disable=SC2154 # opened by lab_enter
  printf '{"schema":2,"type":"lab","backend":"%s","place":"%s","asked":%d,"lost":%d,"expected":%s}\n' \
    "$LAB_BACKEND" "$place" "$count" "$LAB_LOST" "$( ((${#problems[@]})) && echo false || echo true)" \
    >&"$lab_stdout"
fi
lab_say ''
if ((${#problems[@]})); then
  for problem in "${problems[@]}"; do lab_say "FAILED: $problem."; done
  exit 1
fi
lab_say "As expected: $LAB_BACKEND lost the final ACK $times ($place), and the sniffer found it out."
