# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# A RST instead of a FIN, or after one. Sourced by scenario.sh, which has the words used here.

scenario reset-linger-0 'SO_LINGER 0: close() sends a RST instead of a FIN'
scenario_reset-linger-0() {
  story 'With SO_LINGER on and its time 0, close() throws away what was not sent and sends a RST.' \
    'Both ends are CLOSED at once: no half-close, no TIME_WAIT, and the server sees ECONNRESET.' \
    'libuv calls it uv_tcp_close_reset().'
  client --close "$( ((fault)) && echo reset || echo close)" --close-after 200
  ladder <<<'client rst 0 0/4 CLOSED CLOSED'
  verdict reset none 0/4 reset_cause=linger-0 client_state=CLOSED server_state=CLOSED
  play
}

scenario reset-unread-data 'close() with data unread: RST instead of FIN'
scenario_reset-unread-data() {
  story 'The client greets the server, which never reads that and closes.' \
    'Linux will not pretend that the data were received: close() sends a RST (RFC 2525 2.17, RFC 9293 3.6.1).' \
    'On the wire it looks as with SO_LINGER 0; the sniffer says that it cannot tell.'
  server --close-first --read-nothing --close-after 200
  ((fault)) || server --close-first --close-after 200
  client --close-last
  freeze_server # until there is something to read
  ladder <<<'server rst 0 0/4 CLOSED CLOSED'
  verdict reset none 0/4 reset_cause=cannot-tell client_state=CLOSED server_state=CLOSED
  play greeting_arrives
}

greeting_arrives() {
  ((fault)) || return 0
  until_true 10 has_unread || wrong 'the greeting: expected it in the queue of the server, actual nothing'
  thaw_server
}

has_unread() {
  local end queues port
  printf -v port ':%04X' "$LAB_PORT"
  while read -r _ end _ _ queues _; do
    [[ $end != *"$port" || $queues == *:00000000 ]] || return 0
  done </proc/net/tcp
  return 1
}

scenario reset-data-after-close 'data arrive for an application that has closed: RST'
scenario_reset-data-after-close() {
  story 'The client closes completely, by close() and not by shutdown(): nobody is left to read.' \
    'The server takes the FIN for a half-close, as it should, and sends 3000 bytes.' \
    'They cannot be delivered, and a RST says so: data would be lost otherwise without a word.'
  client --close "$( ((fault)) && echo close || echo shutdown)" --close-after 200
  server --close-delay 400 --drain 3000
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server data 0 2/4 FIN_WAIT_2 CLOSE_WAIT
client rst 0 2/4 CLOSED CLOSED
END
  verdict reset client 2/4 reset_cause=data-after-close losses=-
  play
}

scenario reset-after-fin 'RST after FIN: libuv tells the application nothing of it'
scenario_reset-after-fin() {
  story 'The client sends a FIN by shutdown(), and 400 ms later a RST: the server is in CLOSE_WAIT, and was told EOF.' \
    'After EOF libuv no longer polls the socket, so that nothing tells the server of the RST (libuv issue 3449).' \
    'Only who asks the socket itself (SO_ERROR) learns that the connection has gone.'
  client --close "$( ((fault)) && echo shutdown-reset || echo shutdown)" --close-after 200 --hold 400
  server --close-delay 1000
  overhear_server
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
client rst 0 2/4 CLOSED CLOSED
END
  verdict reset client 2/4 reset_cause=linger-0 losses=- client_state=CLOSED server_state=CLOSED
  play
  local line=$'*([!\n])'
  expect_words 'EOF, and then nothing until SO_ERROR is asked' "*EOF$line"$'\n'"${line}SO_ERROR${line}EPIPE*"
}
