#!/usr/bin/env bats
# Services as people run them, in the trouble that people have with them: what capture says of each.
# shellcheck disable=SC2016,SC2030,SC2031 # what is for eval, sed and inner shells

load helper

setup_file() {
  export PATH=$PATH:/usr/sbin:/sbin
  # As in kernel.bats: who closed is known where events are told.
  export TOLD=0
  if ((EUID == 0)) && [ "$(tr -s ' ' </proc/self/uid_map)" = " 0 0 4294967295" ] &&
    grep -qw tracefs /proc/filesystems; then
    TOLD=1
  fi
}

setup() {
  log=$BATS_TEST_TMPDIR
  trap '' PIPE
}

teardown() {
  nft delete table inet late 2>/dev/null || true # of a test that failed
  end_all
}

has() { command -v "$1" >/dev/null || skip "no $1: scripts/deps.sh test installs it"; }

# begin PORT COMMAND...: a service, and when it listens.
begin() {
  local port=$1
  shift
  "$@" >"$log/service$port" 2>&1 3>&- &
  service=$!
  pids+=("$service")
  # By the kernel's list: a connection would be one more to close.
  wait_for eval '[[ $(ss -Htln "sport = :'"$port"'") ]]'
}

# watch PORT: capture, on it alone.
watch() {
  "${TEARDOWN_UML_BIN:-$TEARDOWN_BIN}/capture" -i lo --json "$log/events" --stuck-after 2 --format lines "port $1" \
    >"$log/out" 2>"$log/err" 3>&- &
  watcher=$!
  pids+=("$watcher")
  wait_for says events '"start"'
}

# A connection of ours: its first request, in one piece.
dial() { exec 17<>"/dev/tcp/127.0.0.1/$1"; }
ask() { printf '%b' "$1" | cat >&17; }
hang_up() { exec 17>&-; }
# Reads the answer to its end: what is left unread makes a close a reset.
answer() { # answer LAST
  local line=
  while [[ $line != "$1"* ]]; do read -r line <&17 || fail 'no answer'; done
}
WEB='GET / HTTP/1.1\r\nHost: x\r\n\r\n'

# sentence PART...: the verdict, or what is said of who is stuck, has all of these, in this order.
sentence() {
  local pattern
  pattern=$(printf '%s.*' "$@")
  wait_for eval 'grep -qE "verdict|stuck" "$log/out"'
  wait_for grep -qE -- "$pattern" "$log/out"
}

# closed_by TEXT: who did it, where that is known.
closed_by() { ((!TOLD)) || wait_for grep -qE -- "$1" "$log/out"; }

nginx_for() { # nginx_for KEEPALIVE
  has nginx
  mkdir "$log/n"
  cat >"$log/nginx.conf" <<END
daemon off; pid n/pid; error_log n/err; worker_processes 1;
$( ((EUID)) || echo 'user root;')
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path n/a; proxy_temp_path n/b; fastcgi_temp_path n/c;
  uwsgi_temp_path n/d; scgi_temp_path n/e; keepalive_timeout $1;
  server { listen 127.0.0.1:8080; location / { return 200 "hello\n"; } }
}
END
  begin 8080 nginx -p "$log/" -c nginx.conf -e "$log/n/err"
}

# The program of Debian's python3: a web server that answers /slow late, or that keeps what it has
# answered.
python_for() { # python_for PORT [leak]
  cat >"$log/web.py" <<'END'
import http.server, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\n")

kept = []

class Leaky(http.server.ThreadingHTTPServer):
    def shutdown_request(self, request):
        kept.append(request)

kind = Leaky if "leak" in sys.argv else http.server.ThreadingHTTPServer
kind(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
END
  begin "$1" /usr/bin/python3 "$log/web.py" "$@"
}

@test "python's http.server leaks: CLOSE_WAIT, and who holds it" {
  python_for 8081 leak
  watch 8081
  dial 8081
  ask 'GET / HTTP/1.0\r\n\r\n'
  answer hello
  hang_up
  sentence ' stuck .*client closed first' 'has not closed \(CLOSE_WAIT\)' 'has not called close\(\)' \
    "held by python3, pid $service, fd [0-9]+"
}

@test "nginx had closed an idle connection, and the client used it again: a stale pool" {
  nginx_for 1s
  watch 8080
  dial 8080
  ask "$WEB"
  wait_for says events '"role":"ack1","again":0'
  outlast 2 # soon after an ACK, the request might have been on its way before
  ask "$WEB"
  sentence 'verdict reset .*rst=data-after-close' 'server reset the connection' 'after its own FIN' \
    'after it had acknowledged that FIN \(a stale pool'
  closed_by 'server was closed by nginx, pid '
  hang_up
}

@test "nginx closes an idle connection while a request is on its way: a keep-alive race" {
  nginx_for 1s
  watch 8080
  dial 8080
  ask "$WEB"
  nft -f - <<'END'
table inet late {
  chain in {
    type filter hook input priority 0
    tcp sport 8080 tcp flags & fin == fin drop
  }
}
END
  wait_for says events '"role":"fin1"'
  ask "$WEB"
  sentence 'verdict reset .*rst=data-after-close' 'server reset the connection' 'keep-alive race'
  nft delete table inet late
  hang_up
}

@test "haproxy gives a slow server up: the client's timeout" {
  has haproxy
  python_for 8082
  cat >"$log/haproxy.cfg" <<END
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 300ms
listen front
  bind 127.0.0.1:8084
  server back 127.0.0.1:8082
END
  begin 8084 haproxy -db -f "$log/haproxy.cfg"
  watch 8082
  dial 8084
  ask 'GET /slow HTTP/1.0\r\n\r\n'
  read -r line <&17
  [[ $line == *' 504 '* ]] || fail "$line"
  hang_up
  sentence 'verdict reset .*rst=linger-0' 'client reset the connection: it aborted'
  closed_by 'client was reset by haproxy, pid '
}

@test "nginx is stopped and started again: its open connections are closed by it" {
  nginx_for 60s
  watch 8080
  dial 8080
  ask "$WEB"
  answer hello
  kill -TERM "$service"
  wait "$service" || true
  wait_for says events '"role":"ack1","again":0'
  hang_up
  sentence 'verdict normal .*closed-first=server 4/4' 'server closed first' 'server lingers in TIME_WAIT'
  closed_by 'server was closed by (the exit of )?nginx, pid '
  # It starts in spite of that TIME_WAIT.
  begin 8080 nginx -p "$log/" -c nginx.conf -e "$log/n/err"
}

redis() {
  has redis-server
  begin 8083 redis-server --port 8083 --bind 127.0.0.1 --save '' --dir "$log"
}

@test "redis is killed: its kernel closes for it" {
  redis
  watch 8083
  dial 8083
  ask 'PING\r\n'
  answer +PONG
  kill -KILL "$service"
  wait_for says events '"role":"ack1","again":0'
  hang_up
  sentence 'verdict normal .*closed-first=server 4/4' 'server closed first'
  closed_by "server was closed by the exit of redis-server, pid $service"
}

@test "short connections to redis use the ports up: TIME_WAIT against their number" {
  redis
  echo '40000 40007' >/proc/sys/net/ipv4/ip_local_port_range
  echo 0 >/proc/sys/net/ipv4/tcp_tw_reuse # Linux lets loopback's be used again after a second
  local -i failed=0 i
  for ((i = 0; i < 10; i++)); do
    (exec 17<>/dev/tcp/127.0.0.1/8083 && printf 'PING\r\n' >&17 && read -r <&17) 2>/dev/null || failed+=1
  done
  ((failed >= 2)) || fail "$failed of 10 found no port"
  watch 8083
  wait_for grep -qE 'before the start: [0-9]+ TIME_WAIT \(there are 8 ephemeral ports\)' "$log/out"
}
