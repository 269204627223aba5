#!/usr/bin/env bash
# Many hosts in one command: three hosts behind a router that loses, a capture at each, their rows
# in a PostgreSQL of their own, and what it answers. Nothing of it stays.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lab.sh
. "$here/../lab.sh"
# shellcheck source=scripts/fleet/database.sh
. "$here/database.sh"

arguments=("$@")
LAB_BIN=${TEARDOWN_BIN:-$here/../../build}
loss=15 keep='' closes=40

usage() {
  cat <<'END'
Usage: demo.sh [OPTION]...
Three hosts (web-1, app-1, app-2) behind a router that loses close connections in
several ways; each is captured, its files of a second go into a PostgreSQL that lives
as long as this does, while they come, and that is asked who closes first, who leaks, why there are RSTs, and
where the segments of one connection were lost. Needs postgresql; root or user
namespaces.

      --loss PERCENT  of what the router passes of TCP, but SYNs (default 15)
      --closes N      connections to each service (default 40)
      --keep FOLDER   leave there what each host captured, HOST.pcap and HOST.ndjson,
                      and the database
  -h, --help          print this text
END
}

parse() {
  while (($#)); do
    case $1 in
      --loss | --closes | --keep) (($# > 1)) || lab_misuse "$1 wants a value; see --help" ;;&
      --loss) lab_number "$1" "$2" 0 90; loss=$2; shift ;;
      --closes) lab_number "$1" "$2" 1 2000; closes=$2; shift ;;
      --keep) [[ -d $2 ]] || lab_misuse "$2 is no folder"; keep=$2; shift ;;
      -h | --help) usage; exit ;;
      *) lab_misuse "what is '$1'? see --help" ;;
    esac
    shift
  done
}

hosts=(web-1 app-1 app-2)
declare -A holder=() tap=() shipper=()

at() { nsenter --net="/proc/${holder[$1]}/ns/net" -- "${@:2}"; }
become() { exec nsenter --net="/proc/${holder[$1]}/ns/net" -- "${@:2}"; }

# await SECONDS COMMAND...: until it succeeds; 1: it did not in time.
await() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS <= until)) || return 1
    # shellcheck disable=SC2154 # lab_enter opens it
    read -rt 1 -u "$lab_silence" || true
  done
}
need() { await "$@" || lab_fail "waited in vain for: ${*:2}"; }
tell() { psql -XqAtU owner -c "$1"; }
has_own_network() { [[ $(readlink "/proc/$1/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }
# Five services.
listen() { awk '$4 == "0A" { n++ } END { exit n != 5 }' "/proc/${holder[web-1]}/net/tcp"; }
# It has begun its file.
captures() {
  kill -0 "${tap[$1]}" 2>/dev/null || lab_fail "capture at $1: $(<"$scratch/$1.said")"
  compgen -G "$scratch/$1/*.ndjson*" >/dev/null
}
# Until the database has been told of each that leaks: asked every second.
await_leaks() {
  grep -qx 5 < <(timeout 60 psql -XqAtU owner <<'END'
select count(distinct o -> 'conn') from teardown.object
where host = 'web-1' and type = 'stuck' and o ->> 'server_state' = 'CLOSE_WAIT' \watch 1
END
  )
}
# All that will close has: port 7003 (0x1B5B) leaks; 0A is LISTEN, and 06 TIME_WAIT.
is_quiet() {
  local -a tables=("${holder[@]/#//proc/}")
  awk 'FNR > 1 && $2 $3 !~ /:1B5B/ && $4 !~ /0A|06/ { exit 1 }' "${tables[@]/%//net/tcp}"
}

# make_host NAME NUMBER: 10.78.NUMBER.2, behind the router's 10.78.NUMBER.1.
make_host() {
  unshare --net sleep infinity &
  holder[$1]=$!
  need 10 has_own_network "${holder[$1]}"
  ip link add "to-$1" type veth peer name eth0 netns "${holder[$1]}"
  ip addr add "10.78.$2.1/24" dev "to-$1"
  ip link set "to-$1" up
  at "$1" ip link set lo up
  at "$1" ip addr add "10.78.$2.2/24" dev eth0
  at "$1" ip link set eth0 up
  at "$1" ip route add default via "10.78.$2.1"
}

make_network() {
  local i
  for i in "${!hosts[@]}"; do make_host "${hosts[i]}" $((i + 1)); done
  # As network cards do: what leaves its host in one piece of many octets comes to app-2 in several.
  ip link set to-app-2 gso_max_segs 1
  sysctl -qw net.ipv4.ip_forward=1
  nft -f - <<END
table ip router {
  chain forward {
    type filter hook forward priority 0
    tcp flags & syn != 0 accept
    numgen random mod 100 < $loss drop
  }
}
END
}

# Everything, and counts of it.
start_captures() {
  local host
  for host in "${hosts[@]}"; do
    # Whoever capture becomes puts its closed files there.
    mkdir -m 0777 "$scratch/$host"
    become "$host" "$LAB_BIN/capture" -i eth0 -w "$scratch/$host.pcap" --host-name "$host" --segments close \
      --json "$scratch/$host/closes.ndjson" --rotate 4 --roll-up 60 --sample 1 --stuck-after 2 -qq tcp >"$scratch/$host.said" 2>&1 &
    tap[$host]=$!
    PGUSER=$host "$here/ship.sh" --every 4 "$scratch/$host" 2>"$scratch/$host.shipper" &
    shipper[$host]=$!
  done
  for host in "${hosts[@]}"; do need 30 captures "$host"; done
}

# serve PORT OPTION...; call HOST PORT OPTION...
serve() {
  become web-1 "$LAB_BIN/server" -q -l 10.78.1.2 -p "$@" >/dev/null 2>&1 &
}
call() {
  become "$1" "$LAB_BIN/client" "${@:3}" 10.78.1.2 "$2" >/dev/null 2>&1 &
  callers+=($!)
}

make_traffic() {
  local caller
  callers=()
  serve 7001 --close-delay 100
  serve 7002 --close-first --close-after 1200
  serve 7003 --never-close
  serve 7004 --close reset --close-first --close-after 1500
  serve 7005 --drain 20000 --close-delay 100
  need 20 listen
  call app-1 7001 --count "$closes" --parallel "$closes" --close-after 200
  call app-2 7002 --count "$closes" --parallel "$closes" --close-last
  call app-1 7003 --count 5 --parallel 5 --close-after 100
  call app-2 7004 --count "$closes" --parallel "$closes" --close-last
  call app-2 7005 --count "$closes" --parallel "$closes" --close shutdown --close-after 200
  await_leaks || lab_fail 'waited in vain for those that leak'
  # Whose peer's RST was lost waits for ever: ended, it closes, too.
  await 6 is_quiet || true
  for caller in "${callers[@]}"; do kill "$caller" 2>/dev/null || true; done
  await 6 is_quiet || true
}

# What has grown since the last second is closed by the end, and shipped then.
end_captures() {
  local host status
  for host in "${hosts[@]}"; do
    kill -INT "${tap[$host]}"
    wait "${tap[$host]}" || (($? == 1)) || lab_fail "capture at $host: $(<"$scratch/$host.said")"
    status=0
    kill "${shipper[$host]}"
    wait "${shipper[$host]}" || status=$?
    ((status == 128 + 15)) || lab_fail "shipper at $host: $(<"$scratch/$host.shipper")"
    PGUSER=$host "$here/ship.sh" --once "$scratch/$host"
    [[ -z $keep ]] || cp "$scratch/$host.pcap" "$keep/"
    [[ -z $keep ]] || tell "select o from teardown.object where host = '$host' order by line" >"$keep/$host.ndjson"
  done
}

ask() { # ask QUERY TITLE ...
  local -a questions=()
  while (($#)); do
    questions+=(-c '\echo' -c "\echo == $2 (queries/$1.sql)" -f "$here/queries/$1.sql")
    shift 2
  done
  psql -XqU owner -P footer=off -v since=0 -v until=1e12 -c 'analyze' -c 'select host, count(*) as rows,
    count(distinct run) as runs from teardown.object group by 1 order by 1' "${questions[@]}"
}

inside() {
  local host
  lab_enter
  parse "$@"
  # Of this namespace alone: it goes with the last process.
  mount -t tmpfs -o mode=0755 tmpfs /mnt
  scratch=/mnt
  lab_say "Hosts: ${hosts[*]}; the router between them loses $loss % of what is no SYN."
  make_network
  mkdir "$scratch/database"
  chmod 0777 "$scratch/database"
  database_create "$scratch/database" || lab_fail "initdb: $(tail -n 3 "$scratch/database/log")"
  database_start "$scratch/database" || lab_fail "PostgreSQL: $(tail -n 3 "$scratch/database/log")"
  database_fill "${hosts[@]}" || lab_fail 'the schema was refused'
  start_captures
  lab_say "Connections: $closes to each of four services, and five to one that leaks ..."
  make_traffic
  end_captures
  ask closes-first 'Who closes first, by service' \
    rolled-up 'The same of what the hosts counted themselves, and how long closes took' \
    leaks 'Who leaks CLOSE_WAIT' \
    resets 'RSTs and silences, and whose timeout they are' \
    merged 'What both hosts saw, in one verdict' \
    connection 'One connection from both sides'
  database_stop "$scratch/database"
  [[ -z $keep ]] || cp -a "$scratch/database" "$keep/"
}

if [[ ${1-} == --inside ]]; then
  shift
  inside "$@"
  exit
fi
parse "${arguments[@]}"
database_find || lab_fail 'PostgreSQL is missing: install postgresql (scripts/deps.sh test)'
lab_supervise "${arguments[@]}"
