#!/bin/bash
# Process 1 of user-mode Linux: the campaign over real sch_netem.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
export TMPDIR=/run
[[ -e /dev/fd ]] || ln -s /proc/self/fd /dev/fd # devtmpfs does not bring it

argument() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
export TEARDOWN_BIN
TEARDOWN_BIN=$(argument teardown_bin)

# By name, from the kernel's own folder: there is no /lib/modules for it on this file system.
modules=/usr/lib/uml/modules/$(uname -r)/kernel
for module in lib/crc-ccitt net/ipv6/ipv6 drivers/net/ifb \
  net/sched/{sch_netem,sch_ingress,cls_u32,act_mirred}; do
  busybox insmod "$modules/$module.ko" || echo "# insmod $module failed"
done

IFS=, read -ra options <<<"$(argument teardown_options)"
"${0%_uml_init.sh}.sh" --netem --keep /run "${options[@]}" 2>&1
echo "campaign ended with $?"
poweroff -f
