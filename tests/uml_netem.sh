#!/usr/bin/env bash
# The scripts over real sch_netem, in user-mode Linux; prints TAP.

scripts=$(dirname "$0")/../scripts

# check STATUS LINE SCRIPT OPTION...: the script ends with STATUS and says LINE.
number=0
check() {
  local status=0 output expected=$1 line=$2 script=$3
  shift 3
  number=$((number + 1))
  output=$("$scripts/$script.sh" --backend netem "$@" 2>&1) || status=$?
  if [[ $status == "$expected" && $output == *"$line"* ]]; then
    echo "ok $number netem: $script $*"
  else
    echo "not ok $number netem: $script $* (status $status, expected $expected)"
    echo "# ${output//$'\n'/$'\n'# }"
  fi
}

# A program starts in 50 to 150 ms here: hence the wider window.
lost_ack() { check "$1" "$2" lost-ack --close-delay 5000 "${@:3}"; }
as_stated() { check 0 "As expected: $1." scenario "$@"; }

echo "# netem tier: Linux $(uname -r), user-mode"
echo 1..16
lost_ack 0 'netem lost the final ACK once (egress)' -4
lost_ack 0 'netem lost the final ACK once (ingress)' -4 --place ingress
lost_ack 0 'netem lost the final ACK once (egress)' -6
lost_ack 0 'netem lost the final ACK once (ingress)' -6 --place ingress --server-first
lost_ack 0 'netem lost the final ACK 2 times (egress)' --count 2 --server-first
lost_ack 0 'netem lost the final ACK 3 times (ingress)' --count 3 --place ingress
lost_ack 1 'netem lost 0 final ACKs, not 1' --no-fault
lost_ack 1 'netem lost 0 final ACKs, not 1' --no-fault --place ingress -6
as_stated lost-final-ack -6
as_stated lost-fin1 --place egress # this, and the next, is what only netem can lose
as_stated lost-fin2 --place egress -6
as_stated lost-ack1 --place ingress
as_stated last-ack-gives-up --place ingress
as_stated peer-gone
as_stated lossy
check 1 'segments lost: expected 1, actual 0' scenario lost-fin1 --place egress --no-fault
