#!/usr/bin/env bash
# check.sh TRUTH VERDICTS: compares capture's last verdict (NDJSON) on each connection with what
# generate says it owes. Prints the differences by script, with an example of each; status 1 if
# there is one. With --evicted, when connections had to make room for others, neither "cannot-tell"
# nor a verdict on a connection that TRUTH does not name is a difference. A TIME_WAIT whose time ran
# out in the capture is one.
set -euo pipefail

evicted=0
[[ ${1-} != --evicted ]] || { evicted=1; shift; }
(($# == 2)) || {
  echo 'Usage: check.sh [--evicted] TRUTH VERDICTS' >&2
  exit 2
}

grep -F '"type":"verdict"' "$2" | jq -r '
  def before_timeout(state; evidence): if evidence == "timed" then "TIME_WAIT" else state end;
  [.client, .server, .closed_first, .ending,
   ([.losses[] | "\(.role)*\(.count)@\(.place)"] | if . == [] then "-" else join(",") end),
   .control_segments, .fin_retransmissions, (.reset_cause // "-"),
   before_timeout(.client_state; .client_evidence), before_timeout(.server_state; .server_evidence),
   .verdict] | @tsv' |
  awk -F '\t' -v evicted="$evicted" '
    BEGIN { split("client server closed_first ending losses control_segments fin_retransmissions " \
                  "reset_cause client_state server_state verdict", names, " ") }
    function differ(script, what, connection) {
      if (!((script, what) in count)) example[script, what] = connection
      count[script, what]++
      wrong++
    }
    NR == FNR { said[$1, $2] = $0; next }
    {
      n++
      if (!(($1, $2) in said)) { differ($12, "no verdict", $1 " " $2); next }
      split(said[$1, $2], got, "\t")
      delete said[$1, $2]
      if (evicted && got[11] == "cannot-tell") next
      for (i = 3; i <= 11; i++)
        if (got[i] != $i) differ($12, names[i] " " got[i] ", not " $i, $1 " " $2)
    }
    END {
      for (key in said) if (!evicted) differ("-", "a connection that was not made", key)
      for (key in count) {
        split(key, part, SUBSEP)
        printf "%s: %s: %d times, such as %s\n", part[1], part[2], count[key], example[key] | "sort"
      }
      close("sort")
      printf "%d connections checked, %d differences\n", n, wrong
      exit wrong > 0 || n == 0
    }' - "$1"
