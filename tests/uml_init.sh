#!/bin/bash
# Process 1 of user-mode Linux: the scripts over real sch_netem, reported as TAP.
# The root file system is the host's own, read-only; the kernel command line says where we are.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 COLUMNS=100
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
export TMPDIR=/run # not over /tmp: we may have been cloned there
[[ -e /dev/fd ]] || ln -s /proc/self/fd /dev/fd # devtmpfs does not bring it

argument() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
export TEARDOWN_BIN
TEARDOWN_BIN=$(argument teardown_bin)
root=$(argument teardown_root)

# By name, from the kernel's own folder: there is no /lib/modules for it on this file system.
modules=/usr/lib/uml/modules/$(uname -r)/kernel
for module in lib/crc-ccitt net/ipv6/ipv6 drivers/net/ifb \
  net/sched/{sch_netem,sch_prio,sch_ingress,cls_u32,act_gact,act_mirred}; do
  busybox insmod "$modules/$module.ko" || echo "# insmod $module failed"
done

# check STATUS LINE SCRIPT OPTION...: the script ends with STATUS and says LINE.
number=0
check() {
  local status=0 output expected=$1 line=$2 script=$3
  shift 3
  number=$((number + 1))
  output=$("$root/scripts/$script.sh" --backend netem "$@" 2>&1) || status=$?
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
poweroff -f
