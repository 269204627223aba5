#!/bin/bash
# Process 1 of user-mode Linux: prepares it, and runs what the kernel's command line names.
# The root file system is the host's own, read-only.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 COLUMNS=100
# busybox: mount(8) has a setuid bit, and of a user namespace's root the file is nobody's.
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t tmpfs tmpfs /run
export TMPDIR=/run # not over /tmp: we may have been cloned there
[[ -e /dev/fd ]] || ln -s /proc/self/fd /dev/fd # devtmpfs does not bring it

# What is ours in the kernel's command line, without a process for each.
teardown_root='' teardown_bin='' teardown_folder='' teardown_run=''
for word in $(</proc/cmdline); do
  [[ $word != teardown_* ]] || declare "$word"
done
export TEARDOWN_BIN=$teardown_bin
[[ -z $teardown_folder ]] || busybox mount -t hostfs -o "$teardown_folder" none "$teardown_folder"

# By name, from the kernel's own folder: there is no /lib/modules for it on this file system.
modules=/usr/lib/uml/modules/$(uname -r)/kernel
for module in lib/crc-ccitt net/ipv6/ipv6 drivers/net/ifb drivers/net/veth \
  net/sched/{sch_netem,sch_prio,sch_ingress,cls_u32,act_gact,act_mirred}; do
  busybox insmod "$modules/$module.ko" || echo "# insmod $module failed"
done

status=0
IFS=, read -ra run <<<"$teardown_run"
((${#run[@]} == 0)) || "$teardown_root/${run[0]}" "${run[@]:1}" 2>&1 || status=$?
echo "uml: ended with $status"
busybox poweroff -f # a minimal system has no other
