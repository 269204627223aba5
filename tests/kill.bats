#!/usr/bin/env bats
# Whatever ends lost-ack.sh, at whatever moment, nothing stays: no process, namespace, qdisc,
# device, nft table or temporary file.

load helper

# Seconds into a run of more than five: start-up, half-closed and armed, lost, settling. On a busy machine
# a moment may come later, but the run, too, lasts longer.
MOMENTS='0.01 0.03 0.08 0.2 0.5 0.8 1.2 1.6 1.9 2.3'

# kill_at SIGNAL MOMENT [OPTION]...: runs as process 1 of namespaces of its own, so that every
# process, namespace and device that it can see belongs to this one run.
kill_at() {
  local signal=$1 moment=$2 script pid target before after found tries status=0
  shift 2
  set -m # as from a shell prompt: an own process group, and SIGINT not ignored
  world() {
    tc qdisc show
    ip -o link
    nft list ruleset
    grep nsfs /proc/self/mountinfo
    lsns --noheadings --output TYPE,NS | sort
    find "$TMPDIR" -mindepth 1
  }
  ip link set lo up
  before=$(world)
  "$SCRIPTS/lost-ack.sh" --backend nft --count 4 "$@" >"$LOG" 2>&1 &
  pid=$!
  # Not a wait for anything: the moment is what is tested.
  read -rt "$moment" <> <(:) || true
  # Ctrl-C is for all of the group: of a SIGINT for itself alone bash thinks that it was for the command
  # that it waits for.
  target=$pid
  [[ $signal != INT ]] || target=-$pid
  if ! kill -s "$signal" -- "$target"; then
    echo "it had ended before $moment s:"
    cat "$LOG"
    return 1
  fi
  wait "$pid" || status=$?
  for ((tries = 0; tries < 250; tries++)); do
    found=
    for script in /proc/[0-9]*; do
      [[ $script == /proc/1 ]] || found+=" $script"
    done
    [[ -n $found ]] || break
    read -rt 0.02 <> <(:) || true
  done
  after=$(world)
  if [[ -n $found ]]; then
    echo "processes left:"
    ps -ef
    return 1
  fi
  if [[ $before != "$after" ]]; then
    printf 'before:\n%s\nafter:\n%s\n' "$before" "$after"
    return 1
  fi
  if ((status != 128 + $(kill -l "$signal"))); then
    echo "status $status, so $signal did not end it"
    return 1
  fi
}

# kill_at_every_moment SIGNAL [OPTION]...
kill_at_every_moment() {
  local moment signal=$1
  shift
  export SCRIPTS=$BATS_TEST_DIRNAME/../scripts
  export TMPDIR=$BATS_TEST_TMPDIR/tmp
  export LOG=$BATS_TEST_TMPDIR/log
  mkdir -p "$TMPDIR"
  for moment in $MOMENTS; do
    # shellcheck disable=SC2016 # for the inner shell
    unshare --net --pid --mount --mount-proc --fork --kill-child \
      bash -c "$(declare -f kill_at)"'; kill_at "$@"' - "$signal" "$moment" "$@" || {
      echo "SIG$signal after $moment s $*"
      return 1
    }
  done
}

@test "SIGINT at ten moments: nothing stays" { kill_at_every_moment INT; }

# A script that tries unshare first, and then enters with it: at these moments its child is there, and not yet
# tied to it.
@test "SIGINT before unshare has tied its child to itself: nothing stays" {
  local MOMENTS='0.9 1 1.2'
  make -s -C "$BATS_TEST_DIRNAME/.." build/tests/probe_late.so
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "$BATS_TEST_DIRNAME/../build/tests/probe_late.so" \
    "$(command -v unshare)" >"$BATS_TEST_TMPDIR/bin/unshare"
  chmod +x "$BATS_TEST_TMPDIR/bin/unshare"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH kill_at_every_moment INT --close-delay 9000 # which lasts longer than is waited
}

@test "SIGTERM at ten moments: nothing stays" { kill_at_every_moment TERM; }

@test "SIGKILL at ten moments: nothing stays" { kill_at_every_moment KILL; }

@test "--host: SIGINT at ten moments: lo is as it was" { kill_at_every_moment INT --host; }

@test "--host: SIGTERM at ten moments: lo is as it was" { kill_at_every_moment TERM --host; }

@test "--host: SIGKILL at ten moments: lo is as it was" { kill_at_every_moment KILL --host --place ingress; }
