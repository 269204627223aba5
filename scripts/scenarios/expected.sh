# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# What is expected of a close: stated beforehand, and compared by the sniffer. Sourced by scenario.sh.

# shellcheck disable=SC2120 # one connection is the rule
# ladder [CONNECTION]: standard input has the rows that are expected: sender, role, how many times
# before, count, the state of the client, the state of the server.
ladder() {
  local connection=${1:-1} row
  while IFS= read -r row; do wanted_rows[connection]+=$row$'\n'; done
}

# verdict ENDING CLOSED_FIRST COUNT [FIELD=VALUE...], for the connection of the ladder before it.
verdict() {
  local connection=${#wanted_rows[@]}
  wanted_fields[connection]="ending=$1 closed_first=$2 control_segments=$3 verdict=conforms"
  shift 3
  wanted_fields[connection]+=" $*"
}

# Four segments, and the client closes first.
normal_ladder() {
  ladder <<'END'
client fin1 0 1/4 FIN_WAIT_1 CLOSE_WAIT
server ack1 0 2/4 FIN_WAIT_2 CLOSE_WAIT
server fin2 0 3/4 TIME_WAIT LAST_ACK
client final-ack 0 4/4 TIME_WAIT CLOSED
END
  verdict normal client 4/4 losses=- findings=-
}

state() {
  local connection row
  local -a cells
  lab_say ''
  for connection in "${!wanted_rows[@]}"; do
    lab_say "Expected$( ((${#wanted_rows[@]} == 1)) || echo " of connection $connection"):"
    while read -ra cells; do
      ((${#cells[@]})) || continue
      row=${cells[1]}
      [[ ${cells[2]} == 0 ]] || row+=" again"
      printf '  %-6s  %-15s  %s  client %-11s  server %s\n' "${cells[0]}" "$row" \
        "${cells[3]}" "${cells[4]}" "${cells[5]}"
    done <<<"${wanted_rows[connection]}"
    lab_say "  ${wanted_fields[connection]// /, }"
  done
  lab_say ''
}

wrong() {
  local of=''
  ((acts == 1)) || of="act $acts, "
  problems+=("$of$1")
}

# The ladders in the sniffer's words, for --expect-ladder.
write_ladders() {
  local connection
  for connection in "${!wanted_rows[@]}"; do
    printf '%sverdict %s\n' "${wanted_rows[connection]}" "${wanted_fields[connection]}"
  done
}

# compare STATUS: of the sniffer, which has compared what it saw with the ladders.
compare() {
  local event difference
  for difference in "${LAB_DIFFERENCES[@]}"; do wrong "$difference"; done
  if (($1 != 0 && ${#LAB_DIFFERENCES[@]} == 0)); then
    wrong "status of the sniffer: expected 0, actual $1"
  fi
  first_verdict=''
  for event in "${LAB_EVENTS[@]}"; do
    [[ $event != 'verdict '*' # conn=1 '* ]] || first_verdict=$event
  done
}
