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

# check STATUS LINE OPTION...: the script ends with STATUS and says LINE. A program starts in 50 to
# 150 ms here, and on a busy host arming the fault was seen to take 3 s: hence the wide window.
number=0
check() {
  local status=0 output expected=$1 line=$2
  shift 2
  number=$((number + 1))
  output=$("$root/scripts/lost-ack.sh" --backend netem --close-delay 10000 "$@" 2>&1) || status=$?
  if [[ $status == "$expected" && $output == *"$line"* ]]; then
    echo "ok $number netem: lost-ack $*"
  else
    echo "not ok $number netem: lost-ack $* (status $status, expected $expected)"
    echo "# ${output//$'\n'/$'\n'# }"
  fi
}

# check_scenario STATUS LINE OPTION...: what only netem can lose: a FIN, before the sniffer.
check_scenario() {
  local status=0 output expected=$1 line=$2
  shift 2
  number=$((number + 1))
  output=$("$root/scripts/scenario.sh" --backend netem --place egress "$@" 2>&1) || status=$?
  if [[ $status == "$expected" && $output == *"$line"* ]]; then
    echo "ok $number netem: scenario $*"
  else
    echo "not ok $number netem: scenario $* (status $status, expected $expected)"
    echo "# ${output//$'\n'/$'\n'# }"
  fi
}

echo "# netem tier: Linux $(uname -r), user-mode"
echo 1..11
check 0 'netem lost the final ACK once (egress)' -4
check 0 'netem lost the final ACK once (ingress)' -4 --place ingress
check 0 'netem lost the final ACK once (egress)' -6
check 0 'netem lost the final ACK once (ingress)' -6 --place ingress --server-first
check 0 'netem lost the final ACK 2 times (egress)' --count 2 --server-first
check 0 'netem lost the final ACK 3 times (ingress)' --count 3 --place ingress
check 1 'netem lost 0 final ACKs, not 1' --no-fault
check 1 'netem lost 0 final ACKs, not 1' --no-fault --place ingress -6
check_scenario 0 'As expected: lost-fin1.' lost-fin1
check_scenario 0 'As expected: lost-fin2.' lost-fin2 -6
check_scenario 1 'segments lost: expected 1, actual 0' lost-fin1 --no-fault
poweroff -f
