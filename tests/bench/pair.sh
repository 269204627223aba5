#!/usr/bin/env bash
# pair.sh PREFIX ours|epoll COUNT PARALLEL [SNIFFER...]: so many closes over loopback, in a network
# of its own, with a sniffer beside them if one is given. Leaves what measure says of the client in
# PREFIX.client, of the server in PREFIX.server and of the sniffer in PREFIX.sniffer, what the sniffer
# says on stderr in PREFIX.said, and what latency says of its stdout in PREFIX.latency.
set -euo pipefail

if [[ -z ${IN_A_NETWORK-} ]]; then
  enter=(unshare --net)
  ((EUID == 0)) || enter+=(--user --map-root-user)
  IN_A_NETWORK=1 exec "${enter[@]}" "$0" "$@"
fi
prefix=$1 who=$2 count=$3 parallel=$4
shift 4
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${TEARDOWN_BIN:-$root/build}
bench=$root/build/bench
sniffer='' server=''
trap '[[ -z $server ]] || kill -INT "$server"; [[ -z $sniffer ]] || kill -INT "$sniffer"' EXIT

# until_true COMMAND...: twenty seconds at most.
until_true() {
  local i
  for ((i = 0; i < 1000; i++)); do
    ! "$@" || return 0
    sleep 0.02
  done
  echo "pair.sh: waited in vain for: $*" >&2
  return 1
}
# Column 6: whether the socket is bound to its interface.
sniffer_runs() { awk 'NR > 1 && $6 == 1 { found = 1 } END { exit !found }' /proc/net/packet; }
listens() { grep -q ' 0A ' /proc/net/tcp; }
# Nothing but TIME_WAIT and listeners is left.
is_quiet() { awk 'NR > 1 && $4 != "06" && $4 != "0A" { exit 1 }' /proc/net/tcp; }

ip link set lo up
echo '1024 65535' >/proc/sys/net/ipv4/ip_local_port_range
if (($#)); then
  "$bench/measure" "$prefix.sniffer" "$@" 2>"$prefix.said" > >("$bench/latency" >"$prefix.latency") &
  sniffer=$!
  until_true sniffer_runs
fi
case $who in
  ours)
    serve=("$bin/server" -q -l 127.0.0.1 -p 7000 --close-delay 0)
    client=("$bin/client" -q 127.0.0.1 7000 --close-after 0 --count "$count" --parallel "$parallel")
    ;;
  epoll)
    serve=("$bench/epoll_pair" serve 7000)
    client=("$bench/epoll_pair" client 7000 "$count" "$parallel")
    ;;
esac
"$bench/measure" "$prefix.server" "${serve[@]}" >/dev/null &
server=$!
until_true listens
"$bench/measure" "$prefix.client" timeout 120 "${client[@]}" >"$prefix.log"
until_true is_quiet
kill -INT "$server"
wait "$server" || true # by the signal
server=
if [[ -n $sniffer ]]; then
  kill -INT "$sniffer"
  wait "$sniffer" || (($? == 1)) || exit
  sniffer=
fi
