#!/usr/bin/env bats
# server and client at their command lines and on a loopback of their own.

load helper

setup() {
  port=$((20000 + BATS_TEST_NUMBER))
  log=$BATS_TEST_TMPDIR
}

teardown() {
  nft delete table inet peer 2>/dev/null || true
  [ -z "${range-}" ] || echo "$range" >/proc/sys/net/ipv4/ip_local_port_range
  end_all
}

# ---- helpers ----

gone() { ! kill -0 "$1" 2>/dev/null; }
listening() { [ -n "$(ss -Hltn "sport = :$1")" ]; }

# start NAME PROGRAM [OPTION]...: runs it in the background; its pid is in $pid. What one of the
# same name said before it is gone, so that nobody takes that for the word of the new one.
start() {
  local name=$1 program=$2
  shift 2
  : >"$log/$name.log"
  : >"$log/$name.err"
  "$TEARDOWN_BIN/$program" "$@" >"$log/$name.log" 2>"$log/$name.err" 3>&- &
  pid=$!
  pids+=("$pid")
}

start_server() {
  start server server -p "$port" "$@"
  server=$pid
  wait_for says server.log "uv_listen()"
}

# ends PID STATUS: it ends by itself, with that status, and left nothing on stderr.
ends() {
  local status=0
  wait_for gone "$1"
  wait "$1" || status=$?
  [ "$status" -eq "$2" ] || fail "status $status, not $2"
}

# client_says STATUS [OPTION]...: runs the client to its end.
client_says() {
  local expected=$1 status=0
  shift
  timeout 20 "$TEARDOWN_BIN/client" "$@" >"$log/client.log" 2>"$log/client.err" 3>&- || status=$?
  [ "$status" -eq "$expected" ] || fail "client: status $status, not $expected"
}

# A dead host: nothing for this port arrives any more. Undone by teardown.
cut_off() {
  nft add table inet peer
  nft add chain inet peer input '{ type filter hook input priority 0; }'
  nft add rule inet peer input tcp dport "$1" drop
}

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | sort -u | wc -l; }
has_sockets() { [ "$(sockets_of "$1")" -eq "$2" ]; }
in_time_wait() { [ -n "$(ss -Htn state time-wait "sport = :$1")" ]; }

# The calls alone: no time, no addresses that change.
calls() { sed -E 's/^[0-9:.]+ (server|client) [^ ]+  //; /uv_listen/d; s/:[0-9]+$//' "$log/$1"; }

same() { diff -u <(printf '%s\n' "$2") <(calls "$1") >&2 || fail "other calls in $1"; }

bytes_read() { calls "$1" | awk '/^read → [0-9]+ bytes$/ { n += $3 } END { print n + 0 }'; }

quiet() { [ ! -s "$log/$1" ] || fail "$1 is not empty"; }

# refuses STATUS MESSAGE PROGRAM [OPTION]...: that one line on stderr, nothing on stdout.
refuses() {
  local expected=$1 message=$2 program=$3
  shift 3
  run --separate-stderr timeout 20 "$TEARDOWN_BIN/$program" "$@"
  [ "$status" -eq "$expected" ] || fail "$program $*: status $status, not $expected" "$stderr"
  [ "$stderr" = "$program: $message" ] || fail "$program $*:" "$stderr" "is not" "$message"
  [ -z "$output" ] || fail "$program $*: on stdout: $output"
}

# ---- misuse: status 2 ----

@test "misuse: an unknown option, near and far" {
  local program
  for program in server client; do
    refuses 2 "unknown option '--clsoe'; did you mean '--close'? (--help lists all)" \
      $program --clsoe
    refuses 2 "unknown option '--xyzzy' (--help lists all)" $program --xyzzy
    refuses 2 "option '--close' wants an argument: --close HOW (--help lists all)" $program --close
  done
}

@test "misuse: ports that are none" {
  local text
  for text in 0 65536 abc -1 '' 80x; do
    refuses 2 "-p wants a TCP port from 1 to 65535, not '$text'" server -p "$text"
    refuses 2 "-b wants a TCP port from 1 to 65535, not '$text'" client -b "$text"
    refuses 2 "PORT wants a TCP port from 1 to 65535, not '$text'" client -- 127.0.0.1 "$text"
  done
}

@test "misuse: numbers that are none" {
  local program
  for program in server client; do
    refuses 2 "--close-after wants a whole number from 0 to 86400000, not '-5'" \
      $program --close-after -5
    refuses 2 "--close-delay wants a whole number from 0 to 86400000, not ''" \
      $program --close-delay ''
    refuses 2 "--hold wants a whole number from 0 to 86400000, not 'x'" $program --hold x
    refuses 2 "--drain wants a whole number from 0 to 60000000, not '60000001'" \
      $program --drain 60000001
    refuses 2 "--send wants a whole number from 0 to 60000000, not '1k'" $program --send 1k
    refuses 2 "--write-size wants a whole number from 1 to 60000000, not '0'" \
      $program --write-size 0
    refuses 2 "--vary wants a whole number from 0 to 18446744073709551615, not 'x'" \
      $program --vary x
    refuses 2 "--count wants a whole number from 1 to 1000000000, not '0'" $program --count 0
  done
  refuses 2 "--parallel wants a whole number from 1 to 100000, not '0'" client --parallel 0
}

@test "misuse: words that are none" {
  refuses 2 "--close wants close, shutdown, reset or shutdown-reset, not 'rst'" server --close rst
  refuses 2 "--close wants close, shutdown, reset or shutdown-reset, not ''" client --close ''
  refuses 2 "--listen wants an IPv4 or IPv6 address such as 127.0.0.1 or ::1, not 'localhost'" \
    server -l localhost
  refuses 2 "--listen wants an IPv4 or IPv6 address such as 127.0.0.1 or ::1, not ''" server -l ''
  refuses 2 "--close wants close, shutdown, reset or shutdown-reset, not 'shutdwon'; did you mean \
'shutdown'?" client --close shutdwon
  refuses 2 "HOST is empty; give a name or an address, such as 127.0.0.1" client ''
}

@test "misuse: too many words" {
  refuses 2 "'7000' is one word too many; an address goes with -l, a port with -p" server 7000
  refuses 2 "'x' is one word too many; HOST and PORT are all (--help)" client 127.0.0.1 7000 x
}

@test "misuse: options that contradict each other or have no effect" {
  refuses 2 "--parallel 3 is more than --count 2; raise --count" client --count 2 --parallel 3
  refuses 2 "--parallel 2 is more than --count 1; raise --count" client --parallel 2
  refuses 2 "--local-port is one connection at a time; leave out --parallel" \
    client -b 5000 --count 2 --parallel 2
  refuses 2 "-4 and -6 exclude each other; give one of them" client -4 -6
  refuses 2 "--drain has no effect on the side that closes first; see --close-after" \
    client --drain 1
  refuses 2 "--close-delay has no effect on the side that closes first; see --close-after" \
    server --close-first --close-delay 1
  refuses 2 "--close-after has no effect on the side that closes last; see --close-delay" \
    server --close-after 1
  refuses 2 "--close has no effect with --never-close; leave one of them out" \
    server --never-close --close reset
  refuses 2 "--hold has no effect with --never-close; leave one of them out" \
    server --never-close --hold 1
  refuses 2 "--close-first has no effect with --never-close; leave one of them out" \
    server --never-close --close-first
  refuses 2 "--close-last has no effect with --never-close; leave one of them out" \
    client --never-close --close-last
  refuses 2 "--hold wants --close shutdown or --close shutdown-reset" server --hold 1
  refuses 2 "--hold wants --close shutdown or --close shutdown-reset" client --close reset --hold 1
  refuses 2 "--hold has no effect with --read-nothing: without EOF it never begins" \
    client --close shutdown --hold 1 --read-nothing
  refuses 2 "--answer has no effect without --send" server --answer
  refuses 2 "--answer has no effect with --read-nothing" client --answer --read-nothing
  refuses 2 "--write-size has no effect without --send" server --write-size 1
  refuses 2 "--nodelay has no effect without --send or --drain" server --nodelay
  refuses 2 "--cork has no effect without --send or --drain" client --send 0 --cork
  refuses 2 "--nodelay has no effect with --cork; leave one of them out" client --cork --nodelay
  refuses 2 "--quickack contradicts --no-quickack; leave one of them out" \
    server --quickack --no-quickack
  refuses 2 "--vary has no effect with --never-close; leave one of them out" \
    client --never-close --vary 1
  refuses 2 "--no-reuse-address has no effect without --local-port; add it" \
    client --no-reuse-address
}

@test "--help fits 80 columns and --version names libuv" {
  local program
  for program in server client; do
    run --separate-stderr "$TEARDOWN_BIN/$program" --help
    [ "$status" -eq 0 ] && [ -z "$stderr" ]
    [[ "$output" == "Usage: $program "* ]]
    [ "$(printf '%s\n' "$output" | wc -L)" -le 80 ]
    run "$TEARDOWN_BIN/$program" --version
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^teardown-$program\ [0-9.]+,\ libuv\ [0-9.]+$ ]]
    run --separate-stderr bash -c '"$0" --help > /dev/full' "$TEARDOWN_BIN/$program"
    [ "$status" -eq 2 ]
    [ "$stderr" = "$program: stdout: cannot write: No space left on device; make room there, or \
choose another file" ]
  done
}

# ---- what the machine refuses: status 1 ----

@test "refused: nobody listens" {
  refuses 1 "127.0.0.1 port $port: connection refused; is the server running? start $TEARDOWN_BIN/server" \
    client 127.0.0.1 $port
  refuses 1 "::1 port $port: connection refused; is the server running? start $TEARDOWN_BIN/server" \
    client ::1 $port
}

@test "port in use: the second server leaves nothing behind, the first serves on" {
  start_server -l 127.0.0.1
  refuses 1 "127.0.0.1 port $port: address already in use; another server runs there, or \
left TIME_WAIT without SO_REUSEADDR; choose another with -p PORT" server -p $port
  [ "$(ss -Hltn "sport = :$port" | wc -l)" -eq 1 ]
  client_says 0 --close-after 0 127.0.0.1 $port
}

@test "port in use on ::1 only: the server does not listen on 127.0.0.1 either" {
  start_server -l ::1
  refuses 1 "::1 port $port: address already in use; another server runs there, or left \
TIME_WAIT without SO_REUSEADDR; choose another with -p PORT" server -p $port
  [ -z "$(ss -Hltn "sport = :$port" src 127.0.0.1)" ]
}

@test "the same address twice is in use" {
  refuses 1 "127.0.0.1 port $port: address already in use; another server runs there, or \
left TIME_WAIT without SO_REUSEADDR; choose another with -p PORT" \
    server -p $port -l 127.0.0.1 -l 127.0.0.1
}

@test "an address that is not ours" {
  refuses 1 "192.0.2.1 port $port: address not available; not an address of this machine ('ip \
address' lists them)" server -p $port -l 192.0.2.1
  refuses 1 "2001:db8::1 port $port: address not available; not an address of this machine ('ip \
address' lists them)" server -p $port -l 2001:db8::1
}

@test "a privileged port without the privilege" {
  local bounded="setpriv --bounding-set=-net_bind_service --inh-caps=-net_bind_service"
  run --separate-stderr $bounded "$TEARDOWN_BIN/server" -p 80
  [ "$status" -eq 1 ]
  [ "$stderr" = "server: 127.0.0.1 port 80: permission denied; ports below 1024 are for root: \
choose another with -p PORT" ]
  start_server
  run --separate-stderr $bounded "$TEARDOWN_BIN/client" -b 80 127.0.0.1 $port
  [ "$status" -eq 1 ]
  [ "$stderr" = "client: 127.0.0.1 port $port: permission denied; ports below 1024 are for root: \
choose another with -b PORT" ]
}

@test "a local port that is taken" {
  start_server
  refuses 1 "127.0.0.1 port $port: address already in use; choose another local port with -b PORT" \
    client -b $port 127.0.0.1 $port
}

@test "a name that does not resolve, an address of the other family" {
  local pattern="^client: no-such-host\.invalid: cannot find its address: .*; check the name or"
  run --separate-stderr timeout 60 "$TEARDOWN_BIN/client" no-such-host.invalid
  [ "$status" -eq 1 ]
  [[ "$stderr" =~ $pattern ]]
  run --separate-stderr timeout 60 "$TEARDOWN_BIN/client" -4 ::1
  [ "$status" -eq 1 ]
  [[ "$stderr" =~ ^client:\ ::1:\ cannot\ find\ its\ IPv4\ address: ]]
}

@test "a machine without IPv6: said in one line, IPv4 goes on" {
  ip -6 address del ::1/128 dev lo
  start_server --count 1
  client_says 0 --close-after 0 127.0.0.1 $port
  ip -6 address add ::1/128 dev lo
  ends $server 0
  [ "$(cat "$log/server.err")" = "server: ::1 port $port: address not available; no IPv6 here, \
going on with IPv4 alone" ]
}

# ---- the conversation ----

@test "server and client with no option at all meet" {
  start server server --count 1
  server=$pid
  wait_for says server.log "[::1]:7000  uv_listen()"
  client_says 0
  ends $server 0
  same client.log "uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
uv_close(): close(fd), we send FIN first (active closer)"
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 6 bytes
read → EOF: the client closed; half-close window 200 ms
uv_close(): close(fd), our FIN answers (passive closer)"
  quiet server.err
  quiet client.err
}

@test "the log: time of day, program, the client's address on both sides, at most 100 columns" {
  start_server --count 1
  client_says 0 127.0.0.1 $port
  ends $server 0
  local time='[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{6}'
  [ "$(grep -cEv "^$time (server|client) [^ ]+:[0-9]+  [^ ]" "$log/server.log" "$log/client.log" |
    grep -cv ':0$')" -eq 0 ]
  [ "$(cat "$log/server.log" "$log/client.log" | wc -L)" -le 100 ]
  local ours theirs
  ours=$(sed -nE 's/.* client ([^ ]+)  uv_close.*/\1/p' "$log/client.log")
  theirs=$(sed -nE 's/.* server ([^ ]+)  uv_close.*/\1/p' "$log/server.log")
  [ -n "$ours" ] && [ "$ours" = "$theirs" ]
  # The client's close is told before the EOF that it causes, on one clock.
  local close eof
  close=$(sed -nE 's/^([^ ]+) .*uv_close.*/\1/p' "$log/client.log")
  eof=$(sed -nE 's/^([^ ]+) .*EOF.*/\1/p' "$log/server.log")
  [[ "$close" < "$eof" || "$eof" == 00:00:00* ]]
}

@test "arrows are ASCII outside UTF-8" {
  start_server --count 1
  LC_ALL=C client_says 0 --close-after 0 127.0.0.1 $port
  says client.log "uv_tcp_connect -> 0: connected"
  run ! grep -qP '[^\x00-\x7f]' "$log/client.log"
}

@test "IPv6, by address and by -6" {
  start_server --count 2
  client_says 0 --close-after 0 ::1 $port
  says client.log "client [::1]:"
  client_says 0 -6 --close-after 0 ::1 $port
  ends $server 0
  says server.log "server [::1]:"
}

@test "a name with two addresses: the one that answers is taken" {
  printf '127.0.0.1 td-two\n::1 td-two\n' >"$log/hosts"
  unshare -m mount --bind "$log/hosts" /etc/hosts || skip "no mount namespace"
  local address
  for address in 127.0.0.1 ::1; do
    start_server --count 1 -l $address
    unshare -m bash -c 'mount --bind "$1" /etc/hosts && shift && exec timeout 20 "$@"' - \
      "$log/hosts" "$TEARDOWN_BIN/client" --close-after 0 td-two $port >"$log/client.log"
    ends $server 0
    says client.log ": connected to "
  done
}

@test "0.0.0.0 and :: together, each for its own family" {
  start_server --count 2 -l 0.0.0.0 -l ::
  client_says 0 --close-after 0 127.0.0.1 $port
  client_says 0 --close-after 0 ::1 $port
  ends $server 0
  says server.log "server 127.0.0.1:"
  says server.log "server [::1]:"
}

@test "server --count: nobody is accepted beyond it" {
  start_server --count 1
  start client client --never-close 127.0.0.1 $port
  wait_for says server.log "uv_accept()"
  not_listening() { ! listening $port; }
  wait_for not_listening
  kill -INT $pid
  ends $server 0
}

@test "-b: the local port is the one asked for, twice in a row" {
  start_server --count 2 --close-delay 0
  client_says 0 -b 5555 --close shutdown --close-after 0 127.0.0.1 $port
  client_says 0 -b 5555 --close shutdown --close-after 0 127.0.0.1 $port
  says client.log "client 127.0.0.1:5555  "
  ends $server 0
}

@test "client --close reset: the server is told ECONNRESET" {
  start_server --count 1
  client_says 0 --close reset --close-after 50 127.0.0.1 $port
  ends $server 0
  same client.log "uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
uv_tcp_close_reset(): linger 0, close(fd), we send RST"
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 6 bytes
read → ECONNRESET: the other side sent RST
uv_close(): close(fd), the connection is gone already"
}

@test "client --close shutdown reads what the server drains" {
  start_server --count 1 --drain 100000
  client_says 0 --close shutdown --close-after 50 127.0.0.1 $port
  ends $server 0
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 6 bytes
read → EOF: the client closed; half-close window 200 ms
uv_write(): 100000 bytes into the half-closed connection
uv_close(): close(fd), our FIN answers (passive closer)"
  [ "$(bytes_read client.log)" -eq 100000 ]
  diff -u <(calls client.log | grep -v '^read.*bytes') - <<'END'
uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
uv_shutdown(): SHUT_WR, we send FIN first (active closer)
uv_shutdown → 0: half-closed, we still read
read → EOF: the server closed too
uv_close(): close(fd), both FINs are done
END
}

@test "client --close close: the server drains into a closed socket and learns of the RST" {
  start_server --count 1 --drain 10
  client_says 0 --close-after 50 127.0.0.1 $port
  ends $server 0
  [ "$(calls server.log | tail -n 2)" = \
"SO_ERROR → EPIPE: the other side sent RST; libuv is silent
uv_close(): close(fd), the connection is gone already" ]
}

@test "server --close shutdown: the passive closer's FIN by shutdown" {
  start_server --count 1 --close shutdown
  client_says 0 --close shutdown --close-after 50 127.0.0.1 $port
  ends $server 0
  [ "$(calls server.log | tail -n 3)" = "read → EOF: the client closed; half-close window 200 ms
uv_shutdown(): SHUT_WR, our FIN answers (passive closer)
uv_close(): close(fd), both FINs are done" ]
}

@test "server --close-first, client --close-last: the roles are exchanged" {
  start_server --count 1 --close-first --close-after 50 --close shutdown
  client_says 0 --close-last --drain 20 127.0.0.1 $port
  ends $server 0
  same client.log "uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
read → EOF: the server closed; half-close window 200 ms
uv_write(): 20 bytes into the half-closed connection
uv_close(): close(fd), our FIN answers (passive closer)"
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 6 bytes
uv_shutdown(): SHUT_WR, we send FIN first (active closer)
uv_shutdown → 0: half-closed, we still read
read → 20 bytes
read → EOF: the client closed too
uv_close(): close(fd), both FINs are done"
}

@test "server --close-first --close reset: the client's status is 1" {
  start_server --count 1 --close-first --close-after 50 --close reset
  client_says 1 --close-last 127.0.0.1 $port
  ends $server 0
  [ "$(cat "$log/client.err")" = "client: 127.0.0.1 port $port: the server reset the connection" ]
  says client.log "read → ECONNRESET: the other side sent RST"
}

@test "--hold: the descriptor outlives both FINs, on either side" {
  start_server --count 1 --close shutdown --hold 60000
  local listening_sockets
  listening_sockets=$(sockets_of $server)
  start client client --close shutdown --hold 60000 --close-after 50 127.0.0.1 $port
  wait_for says client.log "hold: 60000 ms, then uv_close()"
  wait_for says server.log "hold: 60000 ms, then uv_close()"
  in_time_wait_of_client() { [ -n "$(ss -Htn state time-wait "dport = :$port")" ]; }
  wait_for in_time_wait_of_client
  # The server no longer listens; what is left is the connection.
  [ "$(sockets_of $server)" -eq $((listening_sockets - 1)) ]
  has_sockets $pid $((listening_sockets - 1))
  kill -INT $pid $server
  ends $pid 130
  ends $server 0
  says client.log "uv_close(): close(fd), both FINs are done"
  says server.log "uv_close(): close(fd), both FINs are done"
}

@test "--hold ends by itself" {
  start_server --count 1 --close shutdown --hold 100
  client_says 0 --close shutdown --hold 100 --close-after 50 127.0.0.1 $port
  ends $server 0
  same client.log "uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
uv_shutdown(): SHUT_WR, we send FIN first (active closer)
uv_shutdown → 0: half-closed, we still read
read → EOF: the server closed too
hold: 100 ms, then uv_close()
uv_close(): close(fd), both FINs are done"
  [ "$(calls server.log | tail -n 3)" = "uv_shutdown(): SHUT_WR, our FIN answers (passive closer)
hold: 100 ms, then uv_close()
uv_close(): close(fd), both FINs are done" ]
}

@test "--hold: LAST_ACK is given up, and libuv does not tell" {
  local retries
  retries=$(sysctl -n net.ipv4.tcp_retries2)
  sysctl -qw net.ipv4.tcp_retries2=1 # about a second
  # A busy machine may take seconds to cut the path off; then the FIN is to come.
  start_server --count 1 --close-delay 6000 --close shutdown --hold 6000
  client_says 0 --close-after 0 127.0.0.1 $port
  wait_for says server.log "half-close window"
  cut_off $port
  wait_for says server.log "hold: "
  ends $server 0
  sysctl -qw net.ipv4.tcp_retries2="$retries"
  [ "$(calls server.log | tail -n 3)" = "hold: 6000 ms, then uv_close()
SO_ERROR → ETIMEDOUT: connection timed out; libuv is silent
uv_close(): close(fd), the connection is gone already" ]
}

@test "--close shutdown-reset: a RST after the FIN, and libuv does not tell" {
  start_server --count 1 --close-delay 400
  client_says 0 --close shutdown-reset --hold 100 --close-after 50 127.0.0.1 $port
  ends $server 0
  same client.log "uv_tcp_connect → 0: connected to 127.0.0.1
uv_write(): 6 bytes
uv_shutdown(): SHUT_WR, we send FIN first (active closer)
uv_shutdown → 0: half-closed, we still read
hold: 100 ms, then uv_tcp_close_reset()
uv_tcp_close_reset(): linger 0, close(fd), we send RST"
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 6 bytes
read → EOF: the client closed; half-close window 400 ms
SO_ERROR → EPIPE: the other side sent RST; libuv is silent
uv_close(): close(fd), the connection is gone already"
}

@test "--close shutdown-reset without --hold; a RST after both FINs is none" {
  start_server --count 2 --close-delay 100
  client_says 0 --close shutdown-reset --close-after 50 127.0.0.1 $port
  says client.log "uv_tcp_close_reset(): linger 0, close(fd), we send RST"
  client_says 0 --close shutdown-reset --close-after 50 --hold 2000 127.0.0.1 $port
  ends $server 0
  [ "$(calls client.log | tail -n 3)" = "hold: 2000 ms, then uv_tcp_close_reset()
read → EOF: the server closed too
uv_tcp_close_reset(): linger 0, close(fd), no RST: both FINs are done" ]
  [ "$(calls server.log | tail -n 1)" = "uv_close(): close(fd), our FIN answers (passive closer)" ]
}

# leave_time_wait [OPTION]...: a server that closed first and ended.
leave_time_wait() {
  start_server --count 1 --close-first --close-after 50 "$@"
  client_says 0 --close-last --send 0 127.0.0.1 $port # the server would have to read it in time
  ends $server 0
  wait_for in_time_wait $port
}

@test "--no-reuse-address: TIME_WAIT refuses a restart with it, and allows one without" {
  leave_time_wait
  refuses 1 "127.0.0.1 port $port: address already in use; another server runs there, or left \
TIME_WAIT; choose another with -p PORT, or leave out --no-reuse-address" \
    server -p $port --no-reuse-address
  start_server --count 1
  client_says 0 --close-after 0 127.0.0.1 $port
  ends $server 0
}

@test "--no-reuse-address: TIME_WAIT of a server with it refuses any restart" {
  leave_time_wait --no-reuse-address
  refuses 1 "127.0.0.1 port $port: address already in use; another server runs there, or left \
TIME_WAIT without SO_REUSEADDR; choose another with -p PORT" server -p $port
}

@test "--no-reuse-address: a free port, IPv4 and IPv6 side by side" {
  start_server --no-reuse-address --count 2 -l 0.0.0.0 -l ::
  client_says 0 --no-reuse-address -b 5601 --close-after 0 127.0.0.1 $port
  says client.log "client 127.0.0.1:5601  "
  client_says 0 --no-reuse-address -b 5603 --close-after 0 ::1 $port
  says client.log "client [::1]:5603  "
  ends $server 0
}

@test "--no-reuse-address: TIME_WAIT keeps the local port of a client" {
  start_server --count 1 --close-delay 0
  client_says 0 -b 5602 --close-after 50 127.0.0.1 $port
  ends $server 0
  wait_for in_time_wait 5602
  refuses 1 "127.0.0.1 port $port: address already in use; TIME_WAIT holds that local port? choose \
another with -b PORT, or leave out --no-reuse-address" \
    client --no-reuse-address -b 5602 127.0.0.1 $port
}

@test "--send from the server; --send 0 from the client" {
  start_server --count 1 --send 12345
  client_says 0 --send 0 --close-after 100 127.0.0.1 $port
  ends $server 0
  says server.log "uv_write(): 12345 bytes"
  says client.log "read → 12345 bytes"
  run ! grep -q uv_write "$log/client.log"
  run ! grep -q bytes <(grep read "$log/server.log")
}

@test "--answer: --send waits for the other side" {
  start_server --count 1 --send 20 --answer
  client_says 0 --send 7 --close-after 100 127.0.0.1 $port
  ends $server 0
  same server.log "uv_accept() → 0: connected to 127.0.0.1
read → 7 bytes
uv_write(): 20 bytes
read → EOF: the client closed; half-close window 200 ms
uv_close(): close(fd), our FIN answers (passive closer)"
  start_server --count 1 --send 20 --answer
  client_says 0 --send 0 --close-after 0 127.0.0.1 $port
  ends $server 0
  run ! says server.log "uv_write()"
}

@test "--write-size: pieces, whose text joins" {
  command -v nc >/dev/null || skip "no nc"
  start_server --count 1 --send 100 --write-size 7
  timeout 10 nc -N 127.0.0.1 $port </dev/null >"$log/nc.log"
  ends $server 0
  [ "$(calls server.log | grep -c '^uv_write(): 7 bytes')" -eq 14 ]
  says server.log "uv_write(): 2 bytes"
  run ! grep -qvx hello <(head -n 16 "$log/nc.log")
  [ "$(cat "$log/nc.log")" = "$(yes hello | head -c 100)" ]
}

@test "--write-size: all pieces arrive before the close" {
  start_server --count 1
  client_says 0 --close-after 0 --send 5000000 --write-size 100003 127.0.0.1 $port
  ends $server 0
  [ "$(calls client.log | grep -c uv_write)" -eq 50 ]
  [ "$(bytes_read server.log)" -eq 5000000 ]
}

# How many segments with data the server got on its connection, which is in this STATE.
data_segments() {
  ss -Htin state "$1" "sport = :$port" | sed -nE 's/.*data_segs_in:([0-9]+).*/\1/p'
}
got_bytes() { [ "$(bytes_read server.log)" -eq "$1" ]; }

# segments_of_eight [OPTION]...: how many the client sends for eight pieces in a row.
segments_of_eight() {
  start_server --send 6 --no-quickack --never-close
  start client client "$@" --answer --send 48 --write-size 6 --never-close 127.0.0.1 $port
  wait_for got_bytes 48
  data_segments established
  kill -INT $server $pid
  ends $server 0
  ends $pid 130
}

@test "--nodelay: pieces do not wait for the delayed ACK, as they do by Nagle" {
  local held sent
  segments_of_eight >"$log/held"
  segments_of_eight --nodelay >"$log/sent"
  held=$(<"$log/held") sent=$(<"$log/sent")
  says client.log "setsockopt(): TCP_NODELAY 1"
  # It is 2 and 8. A process that has to wait for a core, a tail loss probe, may change either.
  ((held * 2 < sent)) || fail "$held segments, and $sent with --nodelay"
}

@test "--cork: pieces wait for the close" {
  start_server --never-close
  client_says 0 --cork --send 18 --write-size 6 --close-after 0 127.0.0.1 $port
  says client.log "setsockopt(): TCP_CORK 1"
  wait_for says server.log "EOF"
  got_bytes 18
  [ "$(data_segments close-wait)" -eq 1 ]
}

delayed_acks() { nstat -asz TcpExtDelayedACKs | awk 'END { print $2 }'; }

@test "--quickack: the ACK of a FIN is not delayed" {
  local before
  start_server --count 10
  before=$(delayed_acks)
  client_says 0 --count 10 --parallel 10 --close shutdown --close-after 50 127.0.0.1 $port
  ends $server 0
  [ $(($(delayed_acks) - before)) -ge 10 ]
  start_server --count 10 --quickack
  before=$(delayed_acks)
  client_says 0 --count 10 --parallel 10 --close shutdown --close-after 50 127.0.0.1 $port
  ends $server 0
  # On a busy machine the server may be too late for some of them.
  [ $(($(delayed_acks) - before)) -lt 10 ]
  [ "$(calls server.log | grep -c '^setsockopt(): TCP_QUICKACK 1$')" -eq 30 ]
}

@test "--no-quickack: every ACK is delayed" {
  local before
  start_server --send 6 --no-quickack
  before=$(delayed_acks)
  start client client --answer --count 10 --parallel 10 --never-close 127.0.0.1 $port
  ten_more() { [ $(($(delayed_acks) - before)) -ge 10 ]; }
  wait_for ten_more
  says server.log "setsockopt(): TCP_QUICKACK 0"
}

@test "what was written arrives before the close" {
  start_server --count 1
  kill -STOP $server
  start client client --close-after 0 --send 20000000 127.0.0.1 $port
  wait_for says client.log "close waits: "
  kill -CONT $server
  ends $pid 0
  ends $server 0
  [ "$(bytes_read server.log)" -eq 20000000 ]
  says server.log "read → EOF"
}

@test "--read-nothing: unread data makes the close a RST" {
  start_server --count 1 --read-nothing --close-first --close-after 100
  kill -STOP $server # until there is something to read
  start client client --close-last 127.0.0.1 $port
  wait_for has_unread $port
  kill -CONT $server
  ends $pid 1
  ends $server 0
  says server.log "uv_close(): close(fd), 6 bytes unread: RST, no FIN"
  says client.log "read → ECONNRESET"
}

@test "--never-close: the server stays in CLOSE_WAIT until it is stopped" {
  start_server --never-close
  client_says 0 --close-after 0 127.0.0.1 $port
  wait_for says server.log "read → EOF: the client closed; we never do: CLOSE_WAIT"
  [ -n "$(ss -Htn state close-wait "sport = :$port")" ]
  kill -INT $server
  ends $server 0
  says server.log "uv_close(): close(fd), our FIN answers (passive closer)"
}

@test "nc is served too" {
  command -v nc >/dev/null || skip "no nc"
  start_server --count 1
  printf 'hello\n' | timeout 10 nc -N 127.0.0.1 $port >"$log/nc.log"
  ends $server 0
  quiet nc.log
  says server.log "read → 6 bytes"
  says server.log "read → EOF"
}

# ---- load ----

@test "200 connections, 50 at a time" {
  start_server --count 200 --close-delay 0
  client_says 0 --count 200 --parallel 50 --close-after 0 127.0.0.1 $port
  ends $server 0
  [ "$(wc -l <"$log/client.log")" -eq 1 ]
  says client.log "200 of 200 connections over, 0 failed, "
  [ "$(grep -c 'our FIN answers' "$log/server.log")" -eq 200 ]
  quiet client.err
}

@test "--parallel is how many are open at a time" {
  start_server --count 6
  # With shutdown a connection is over for the client only after the server has closed it.
  start client client --count 6 --parallel 3 --close shutdown --close-after 300 127.0.0.1 $port
  ends $pid 0
  ends $server 0
  [ "$(awk '/uv_accept/ && ++n > most { most = n } /uv_close/ { n-- } END { print most }' \
    "$log/server.log")" -eq 3 ]
}

@test "--vary: each connection in its own way, the same ways again from the same seed" {
  draws() {
    start_server --count 40 --close-delay 30 --drain 1000 --send 60 --close shutdown --hold 20 \
      --vary "$1"
    client_says 0 --count 40 --close-after 9 --send 500 --vary "$1" 127.0.0.1 $port
    ends $server 0
    calls server.log | sed -n 's/^drawn: //p'
  }
  draws 7 >"$log/first"
  draws 7 >"$log/second"
  draws 8 >"$log/other"
  cmp "$log/first" "$log/second"
  run ! cmp -s "$log/first" "$log/other"
  [ "$(wc -l <"$log/first")" -eq 40 ]
  # Within what was given, and forty draws come near both ends of it.
  awk -F '[ ,]+' '
    { check($2, 30); check($4, 20); check($6, 1000); check($8, 60) }
    function check(n, max) {
      if (n > max) exit 1
      low[max] += n < max / 4
      high[max] += n > max * 3 / 4
    }
    END { for (max in low) if (!low[max] || !high[max]) exit 1 }' "$log/first" ||
    fail "drawn:" "$(<"$log/first")"
  # What was drawn is what is done.
  [ "$(awk '/drawn/ { n += $NF } END { print n }' "$log/server.log")" -eq \
    "$(awk '/uv_write/ && !/half-closed/ { n += $(NF - 1) } END { print n }' "$log/server.log")" ]
}

@test "--vary: the client draws, too, and at the limits of a seed" {
  start_server --count 2 --close-delay 0
  client_says 0 --close-after 1 --send 1000000 --vary 18446744073709551615 127.0.0.1 $port
  [ "$(calls client.log | sed -n 's/^drawn: .*send //p')" -eq "$(calls client.log |
    awk '/^uv_write/ { n = $2 } END { print n + 0 }')" ]
  client_says 0 --close-after 0 --send 0 --vary 0 127.0.0.1 $port
  ends $server 0
  says client.log "drawn: close-after 0, hold 0, send 0"
}

@test "--vary: the client draws its time to close" {
  local seed
  start_server
  for seed in 1 2 3; do
    client_says 0 --close-after 100 --vary $seed 127.0.0.1 $port
    sed -nE 's/.*drawn: (close-after [0-9]+),.*/\1/p' "$log/client.log" >>"$log/drawn"
  done
  [ "$(sort -u "$log/drawn" | wc -l)" -eq 3 ]
}

@test "failures are counted, the first is told, the status is 1" {
  client_says 1 --count 5 --parallel 5 127.0.0.1 $port
  [ "$(wc -l <"$log/client.err")" -eq 1 ]
  says client.err "connection refused; is the server running?"
  says client.log "5 of 5 connections over, 5 failed, "
}

@test "progress on a terminal, and only there" {
  command -v script >/dev/null || skip "no script(1)"
  start_server
  run script -qec "'$TEARDOWN_BIN/client' --count 2 --close-after 300 127.0.0.1 $port" /dev/null
  [ "$status" -eq 0 ]
  [[ "$output" == *" of 2 connections over, 1 open, 0 failed"* ]]
  client_says 0 --count 2 --close-after 300 127.0.0.1 $port
  quiet client.err
}

@test "descriptors run out: said once, with the remedy" {
  start_server
  run --separate-stderr bash -c 'ulimit -n 30; exec timeout 20 "$@"' - "$TEARDOWN_BIN/client" \
    --count 40 --parallel 40 --close-after 100 127.0.0.1 $port
  [ "$status" -eq 1 ]
  [ "$stderr" = "client: 127.0.0.1 port $port: too many open files; raise the limit with 'ulimit \
-n' or lower --parallel" ]
}

# ---- the end ----

@test "SIGINT and SIGTERM end an idle server, status 0" {
  local signal
  for signal in INT TERM; do
    start_server
    kill -$signal $server
    ends $server 0
    says server.log "SIG$signal  close all and end"
    quiet server.err
    run ! listening $port
  done
}

@test "a signal ends the server at every stage of a connection" {
  # established, and both in the half-close window
  start_server
  start client client --close-after 60000 127.0.0.1 $port
  wait_for says server.log "read → 6 bytes"
  kill -TERM $server
  ends $server 0
  quiet server.err
  kill -INT $pid
  ends $pid 130

  start_server --close-delay 60000
  client_says 0 --close-after 0 127.0.0.1 $port
  wait_for says server.log "half-close window"
  kill -INT $server
  ends $server 0
  quiet server.err

  # after its own uv_shutdown
  start_server --close-first --close-after 0 --close shutdown
  start client client --never-close 127.0.0.1 $port
  wait_for says server.log "uv_shutdown → 0"
  wait_for says server.log "6 bytes" # unread, they would make it a RST
  kill -INT $server
  ends $server 0
  says server.log "uv_close(): close(fd), our FIN is out already"
  quiet server.err
}

@test "a signal ends the client at every stage, status 130 or 143" {
  start_server --read-nothing
  # established
  start client client --close-after 60000 127.0.0.1 $port
  wait_for says client.log "uv_write()"
  kill -INT $pid
  ends $pid 130
  quiet client.err
  # with data that the server does not take
  start client client --close-after 0 --send 60000000 127.0.0.1 $port
  wait_for says client.log "close waits"
  kill -TERM $pid
  ends $pid 143
  quiet client.err
  # half-closed by its own uv_shutdown
  start client client --close-after 0 --close shutdown 127.0.0.1 $port
  wait_for says client.log "uv_shutdown → 0"
  kill -TERM $pid
  ends $pid 143
  quiet client.err
  # under load
  start client client --count 1000 --parallel 20 --close-after 60000 127.0.0.1 $port
  wait_for bash -c "[ \$(ss -Htn state established 'dport = :$port' | wc -l) -ge 20 ]"
  kill -INT $pid
  ends $pid 130
  says client.log "0 of 1000 connections over, 0 failed"
  quiet client.err
}

@test "a signal ends the client while it connects" {
  # A neighbour that never answers: the SYN is still to be sent.
  ip link add td0 type veth peer name td1 || skip "no veth"
  ip address add 10.99.99.1/24 dev td0
  ip link set td0 up
  ip link set td1 up
  start client client 10.99.99.2 $port
  wait_for bash -c "[ -n \"\$(ss -Htn state syn-sent dst 10.99.99.2)\" ]"
  kill -INT $pid
  ends $pid 130
  ip link del td0
  quiet client.err
}

@test "the reader of the log goes away: the program ends, quietly" {
  local program
  mkfifo "$log/pipe"
  for program in server client; do
    [ $program = server ] || start_server --never-close --send 6
    # One line is read; the rest of the conversation meets a pipe without a reader.
    if [ $program = server ]; then
      "$TEARDOWN_BIN/server" -l 127.0.0.1 -p $port >"$log/pipe" 2>"$log/lost.err" 3>&- &
    else
      "$TEARDOWN_BIN/client" --close-after 200 127.0.0.1 $port >"$log/pipe" 2>"$log/lost.err" 3>&- &
    fi
    pid=$!
    pids+=("$pid")
    head -n 1 "$log/pipe" >"$log/read"
    [ -s "$log/read" ]
    local lost=$pid
    # Whether this client still meets a server, or a RST, does not matter.
    [ $program = client ] || start other client --close-after 0 127.0.0.1 $port
    ends $lost 1
    quiet lost.err
  done
}

@test "stdout is full or closed: said, status 2, and the connections are closed" {
  start_server
  run --separate-stderr bash -c 'timeout 20 "$@" > /dev/full' - \
    "$TEARDOWN_BIN/client" --never-close 127.0.0.1 $port
  [ "$status" -eq 2 ]
  [ "$stderr" = "client: stdout: cannot write: No space left on device; make room there, or \
choose another file" ]
  run --separate-stderr bash -c 'timeout 20 "$@" >&-' - \
    "$TEARDOWN_BIN/client" --never-close 127.0.0.1 $port
  [ "$status" -eq 2 ]
  [ "$stderr" = "client: stdout: cannot write: Bad file descriptor; open it for writing, or choose \
another file" ]
  run --separate-stderr bash -c 'timeout 20 "$@" > /dev/full' - \
    "$TEARDOWN_BIN/client" --count 2 --close-after 0 127.0.0.1 $port
  [ "$status" -eq 2 ]
  [ "$stderr" = "client: stdout: cannot write: No space left on device; make room there, or \
choose another file" ]
  wait_for says server.log "EOF"
  # The log must not have gone into the connection instead.
  run ! grep -E 'read → ([7-9]|[0-9]{2,}) bytes' "$log/server.log"
}

@test "-q: no log, and what goes wrong is said all the same" {
  start server server -q -l 127.0.0.1 -p $port
  server=$pid
  wait_for listening $port
  for count in 1 2; do
    run --separate-stderr timeout 20 "$TEARDOWN_BIN/client" -q --close-after 0 --count $count 127.0.0.1 $port
    [ "$status" -eq 0 ]
    [ -z "$output$stderr" ]
  done
  kill -INT "$server"
  ends "$server" 0
  [ ! -s "$log/server.log" ]
  run --separate-stderr timeout 20 "$TEARDOWN_BIN/client" -q 127.0.0.1 $port
  [ "$status" -eq 1 ]
  [ -z "$output" ]
  [[ $stderr == *"connection refused"* ]]
}

@test "a batch of events is one write to the log" {
  start_server --close-delay 0
  timeout 20 "$TEARDOWN_BIN/client" --close-after 0 --count 300 --parallel 100 127.0.0.1 $port >/dev/null
  closed() { [ "$(grep -c 'uv_close()' "$log/server.log")" -eq 300 ]; }
  wait_for closed
  local lines writes
  lines=$(wc -l <"$log/server.log")
  writes=$(sed -n 's/^syscw: //p' "/proc/$server/io")
  [ $((writes * 10)) -lt $((lines * 9)) ] || fail "$writes writes for $lines lines"
}

@test "client --count beyond the ports of one address: from several, and that is said" {
  range=$(cat /proc/sys/net/ipv4/ip_local_port_range)
  echo '40000 40039' >/proc/sys/net/ipv4/ip_local_port_range
  start_server --close-delay 0
  run --separate-stderr timeout 20 "$TEARDOWN_BIN/client" --close-after 0 --count 100 --parallel 10 127.0.0.1 $port
  [ "$status" -eq 0 ] || fail "$output" "$stderr"
  [[ ${lines[0]} == *"100 connections, 40 ports an address: from 5 addresses" ]]
  [[ ${lines[1]} == *"100 of 100 connections over, 0 failed"* ]]
  wait_for says server.log 127.0.0.5:
}
