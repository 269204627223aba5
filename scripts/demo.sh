#!/usr/bin/env bash
# Two real closes, captured and explained live: a normal one, and one whose final ACK is lost.
# Status 0 when the sniffer's verdict on both is the expected one.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lab.sh
source "${0%"${0##*/}"}lab.sh"

if [[ ${1-} == --inside ]]; then
  lab_enter
  # shellcheck disable=SC2154 # lab_margin is opened by lab_enter
  lab_start_server --close-delay 200 >&"$lab_margin"
  lab_start_sniffer --closes 1 --expect normal --format ladder --margin "/dev/fd/$lab_margin"
  lab_start_client 127.0.0.1 >&"$lab_margin"
  lab_await 'the end of the close' 60 'verdict *'
  status=0
  lab_end_sniffer || status=1
  lab_end_peers
  exit "$status"
fi
(($# == 0)) || lab_misuse "takes no option or argument, not '$1'; scripts/lost-ack.sh --help has many"

failed=()
lab_say '--- 1 of 2: a normal close ---'
lab_say 'Each side closes its own direction with a FIN, and each FIN is acknowledged: four segments.'
lab_say 'A state with ? is presumed from what was on the wire; with a tick, that side itself proved it.'
lab_supervise "$@" || failed+=('normal close')

lab_say ''
lab_say '--- 2 of 2: the final ACK is lost ---'
lab_say 'The same close, but the last of the four segments never arrives.'
lab_say 'Watch LAST_ACK: it sends its FIN again, and TIME_WAIT is still there to answer.'
lab_say ''
# Should we be killed, the other script must not live on.
setpriv --pdeathsig KILL "$lab_scripts/lost-ack.sh" || failed+=('lost final ACK')

lab_say ''
if ((${#failed[@]})); then
  lab_say "FAILED: the sniffer's verdict was not the expected one: ${failed[*]}."
  exit 1
fi
lab_say 'Both verdicts are the expected ones. What was seen:'
lab_say '  Each end closes its own direction, by FIN and ACK: four segments.'
lab_say '  Nothing acknowledges the last. It was lost, so LAST_ACK sent its FIN anew,'
lab_say '  and TIME_WAIT, in which the first closer stays, was still there to answer.'
lab_say 'Skipped: the 60 s of TIME_WAIT; scripts/lost-ack.sh --wait sits them out.'
lab_say 'Where to go on:'
lab_say '  scripts/lost-ack.sh --place ingress   it is seen, then lost; --help has more'
lab_say '  scripts/scenario.sh --list            every other way to close'
lab_say '  build/capture -r tests/golden/simultaneous.pcap --predict   what comes next?'
lab_say '  build/server, build/client, build/capture   in three terminals: README.md'
