# shellcheck shell=bash
# User-mode Linux: a stock Debian kernel, which has sch_netem, as an ordinary process (no KVM, no
# image, no root). Sourced by whatever boots it; in it uml_init.sh is process 1.

uml_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Plain binaries: the address sanitizer's shadow memory does not fit into this kernel.
uml_bin=${TEARDOWN_UML_BIN:-$uml_root/build}
uml_xstate=$uml_root/build/tests/uml_xstate.so uml_booted=$uml_root/build/tests/uml_booted
uml_preload=$uml_xstate

# uml_boot MEMORY SECONDS FOLDER [PROGRAM [ARGUMENT...]]: runs a program of this repository in it, which may
# write into that folder of ours ('': into none); its output, and its status, or 1 when the machine did not
# come to its end in that time.
uml_boot() {
  local memory=$1 seconds=$2 folder=$3
  shift 3
  # A machine has no status: it comes behind what the program said. The one of linux.uml itself does not
  # count, since 6.12 aborts after a poweroff that went well.
  {
    ulimit -c 0
    timeout --kill-after 5 "$seconds" env LD_PRELOAD="$uml_preload" linux.uml "mem=$memory" \
      root=/dev/root rootfstype=hostfs hostfs=/ ro quiet init="$uml_root/scripts/uml_init.sh" \
      teardown_root="$uml_root" teardown_bin="$uml_bin" teardown_folder="$folder" teardown_run="$(IFS=, && echo "$*")" \
      con=null con0=null,fd:1 </dev/null 2>&1 || true
  } 2>/dev/null | uml_hear
}

# Standard input to standard output, line by line (mawk would wait for more), up to the status, which it
# returns.
uml_hear() {
  local line
  while IFS= read -r line; do
    line=${line%$'\r'}
    [[ $line != 'uml: ended with '* ]] || return "${line##* }"
    printf '%s\n' "$line"
  done
  return 1
}

# uml_refusal: why it cannot be had on this machine, in a line; status 1 when it can.
uml_refusal() {
  local program said
  for program in linux.uml busybox; do
    command -v "$program" >/dev/null && continue
    echo "no $program: scripts/deps.sh test installs it"
    return
  done
  if ! said=$(make --no-print-directory -C "$uml_root" build/tests/uml_xstate.so 2>&1); then
    echo "tests/uml_xstate.c, which linux.uml needs where there is AMX, does not compile: ${said##*$'\n'}"
    return
  fi
  # It need not be tried again if it booted within the hour.
  [[ $uml_preload != "$uml_xstate" || -z $(find "$uml_booted" -mmin -60 -newer "$uml_xstate" 2>/dev/null) ]] ||
    return 1
  if said=$(uml_boot 256M 300 ''); then
    [[ $uml_preload != "$uml_xstate" ]] || touch "$uml_booted"
    return 1
  fi
  if [[ $said == *'set fp regs failed, errno = 14'* ]]; then
    echo 'linux.uml does not boot: the host wants vector registers of a size that it does not know (AMX), and tests/uml_xstate.c did not help'
  else
    said=$(grep -aim1 -E 'failed|panic|denied|not permitted|no such|cannot' <<<"$said" || tail -n 1 <<<"$said")
    echo "linux.uml does not boot: ${said:-no word of it within five minutes}"
  fi
}
