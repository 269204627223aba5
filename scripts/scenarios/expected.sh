# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # settings that scenario.sh defines and reads
# What is expected of a close: stated beforehand, compared afterwards. Sourced by scenario.sh.

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

# A verdict's losses, or the ids of its findings, as ROLExN:PLACE,... or -.
verdict_list() {
  local name=$1 object=$2 list='' item
  if [[ $name == losses ]]; then
    item='\{"role":"([^"]*)","count":([0-9]+),"place":"([^"]*)"\}(.*)'
    while [[ $object =~ $item ]]; do
      list+=,${BASH_REMATCH[1]}x${BASH_REMATCH[2]}:${BASH_REMATCH[3]}
      object=${BASH_REMATCH[4]}
    done
  else
    item='\{"id":"([^"]*)"(.*)'
    while [[ $object =~ $item ]]; do
      list+=,${BASH_REMATCH[1]}
      object=${BASH_REMATCH[2]}
    done
  fi
  list=${list#,}
  echo "${list:--}"
}

compare() {
  local connection event row field actual of i
  local -a rows=() verdicts=() want have
  for event in "${LAB_EVENTS[@]}"; do
    case $event in
      *'"type":"segment"'*)
        connection=$(lab_field conn "$event")
        row="$(lab_field from "$event") $(lab_field role "$event") $(lab_field again "$event")"
        row+=" $(lab_field count "$event") $(lab_field client_state "$event")"
        row+=" $(lab_field server_state "$event")"
        # ACKs of data are not part of the close, and data may come in pieces.
        [[ $row != *' null '* ]] || continue
        [[ $row != *' data '* || ${rows[connection]-} != *"$row"$'\n' ]] || continue
        rows[connection]+=$row$'\n'
        ;;
      *'"type":"verdict"'*) verdicts[$(lab_field conn "$event")]=$event ;;
    esac
  done
  # shellcheck disable=SC2034 # for the scenarios
  first_verdict=${verdicts[1]-}
  ((${#verdicts[@]} == ${#wanted_fields[@]})) ||
    wrong "${#verdicts[@]} connections: expected ${#wanted_fields[@]}"
  for connection in "${!wanted_rows[@]}"; do
    of=''
    ((${#wanted_rows[@]} == 1)) || of="connection $connection, "
    mapfile -t want <<<"${wanted_rows[connection]%$'\n'}"
    rows[connection]+=''
    mapfile -t have <<<"${rows[connection]%$'\n'}"
    for ((i = 0; i < ${#want[@]} || i < ${#have[@]}; i++)); do
      [[ ${want[i]-} != "${have[i]-}" ]] || continue
      wrong "${of}row $((i + 1)): expected '${want[i]:-no row}', actual '${have[i]:-no row}'"
      break # from there on all rows are shifted
    done
    for field in ${wanted_fields[connection]}; do
      case $field in
        losses=* | findings=*)
          actual=$(verdict_list "${field%%=*}" "${verdicts[connection]-}")
          ;;
        *) actual=$(lab_field "${field%%=*}" "${verdicts[connection]:-\"${field%%=*}\":none}") ;;
      esac
      [[ ${field#*=} == "$actual" ]] ||
        wrong "$of${field%%=*}: expected '${field#*=}', actual '$actual'"
    done
  done
}
