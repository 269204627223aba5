#!/usr/bin/env bats
# What capture may still do once it reads, and what it writes to: as root, as anybody, in a user
# namespace without setgroups.

load helper

GOLDEN=$BATS_TEST_DIRNAME/golden
NOBODY=65534

setup_file() {
  make -s -C "$BATS_TEST_DIRNAME/.." build/tests/probe_calls.so
  # A user other than root is needed: not there in a user namespace of one.
  export ROOT=0
  if ((EUID == 0)) && [ "$(tr -s ' ' </proc/self/uid_map)" = " 0 0 4294967295" ]; then ROOT=1; fi
}

# Of a folder that others may write to, too.
setup() {
  log=$(mktemp -d)
  chmod 1777 "$log"
}

teardown() {
  end_all
  rm -rf "$log"
}

# start WORD...: a live capture by these words, until it runs; its status file is in status.
start() {
  # The sniffer itself, no timeout(1) before it: its /proc is looked at. The test ends it.
  "$@" --json "$log/events" >"$log/out" 2>"$log/err" 3>&- &
  sniffer=$!
  pids+=("$sniffer")
  wait_for says events '"start"'
  wait_for grep -q '^Seccomp:.*2' "/proc/$sniffer/status"
  cat "/proc/$sniffer/status" >"$log/status"
}

# status_is NAME WORD...: that line of its status file.
status_is() {
  local name=$1
  shift
  [ "$(awk -v name="$name:" '$1 == name { $1 = ""; print substr($0, 2) }' "$log/status")" = "$*" ] ||
    fail "not $name: $*" "$(grep "^$name:" "$log/status")"
}

# confined UID CAPABILITIES: in every set.
confined() {
  status_is Uid "$1 $1 $1 $1"
  status_is CapPrm "$2"
  status_is CapEff "$2"
  status_is CapInh 0000000000000000
  status_is CapAmb 0000000000000000
  status_is NoNewPrivs 1
  status_is Seccomp 2
}

NONE=0000000000000000
OWNERS=0000000000080004 # CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE

@test "root, asking the kernel: nobody, with what finds a socket's holder" {
  ((ROOT)) || skip 'needs root of the machine'
  start "$TEARDOWN_BIN/capture" -i lo -v
  confined $NOBODY $OWNERS
  status_is CapBnd $NONE
  status_is Groups ''
  grep -q '^sandbox: as nobody (65534), capabilities: dac_read_search sys_ptrace, no_new_privs, seccomp$' \
    "$log/err"
}

@test "root, --kernel off: nobody, with nothing" {
  ((ROOT)) || skip 'needs root of the machine'
  start "$TEARDOWN_BIN/capture" -i lo --kernel off
  confined $NOBODY $NONE
  status_is CapBnd $NONE
}

# niceness_is N: the sniffer's.
niceness_is() { [ "$(awk '{ print $19 }' "/proc/$sniffer/stat")" = "$1" ] || fail "not at niceness $1"; }

@test "root, live: it goes before others, unless somebody has said how nice it is to be" {
  ((ROOT)) || skip 'needs root of the machine'
  (($(nice) == 0)) || skip 'the tests have a niceness of their own'
  start "$TEARDOWN_BIN/capture" -i lo --kernel off
  niceness_is "$(nice -n -5 nice 2>/dev/null)"
  start nice -n 3 "$TEARDOWN_BIN/capture" -i lo --kernel off
  niceness_is 3
}

@test "sudo: who called; -Z: whom it names" {
  ((ROOT)) || skip 'needs root of the machine'
  SUDO_UID=4242 SUDO_GID=4243 start "$TEARDOWN_BIN/capture" -i lo --kernel off
  confined 4242 $NONE
  status_is Gid 4243 4243 4243 4243
  end_all
  rm -f "$log/events"
  SUDO_UID=4242 SUDO_GID=4243 start "$TEARDOWN_BIN/capture" -i lo --kernel off -Z daemon
  confined "$(id -u daemon)" $NONE
  run "$TEARDOWN_BIN/capture" -i lo -Z no-such-user
  [ "$status" -eq 2 ]
  [[ $output == *"-Z no-such-user: there is no such user"* ]]
}

@test "a file, as anybody: no_new_privs and seccomp" {
  local reader=("$log/capture" -v -r "$log/normal.pcap")
  cp "$TEARDOWN_BIN/capture" "$GOLDEN/normal.pcap" "$log" # ours may be in a folder that only root enters
  chmod a+rx "$log"/*
  run --separate-stderr "${reader[@]}"
  [ "$status" -eq 0 ]
  # shellcheck disable=SC2154 # by run
  [[ $stderr == *", capabilities: none, no_new_privs, seccomp"* ]]
  ((ROOT)) || return 0
  run --separate-stderr setpriv --reuid 4242 --regid 4242 --clear-groups "${reader[@]}"
  [ "$status" -eq 0 ]
  [[ $stderr == *"sandbox: as user (4242), capabilities: none, no_new_privs, seccomp"* ]]
}

@test "a user namespace without setgroups: the same user, whose capabilities go all the same" {
  local own=(unshare --user --map-root-user --net)
  "${own[@]}" true || skip 'there are no user namespaces for us'
  # shellcheck disable=SC2016 # for the inner shell
  start "${own[@]}" bash -c 'ip link set lo up && exec "$@"' - "$TEARDOWN_BIN/capture" -i lo -v
  status_is CapEff $OWNERS # over its own namespace
  status_is CapPrm $OWNERS
  status_is CapBnd $NONE
  status_is NoNewPrivs 1
  status_is Seccomp 2
  grep -q '^sandbox: as root (0), capabilities: dac_read_search sys_ptrace, no_new_privs, seccomp$' "$log/err"
}

@test "--no-sandbox keeps all, and says so" {
  "$TEARDOWN_BIN/capture" -i lo --no-sandbox --json "$log/events" >"$log/out" 2>"$log/err" 3>&- &
  sniffer=$!
  pids+=("$sniffer")
  wait_for says events '"start"'
  cat "/proc/$sniffer/status" >"$log/status"
  status_is Seccomp 0
  status_is NoNewPrivs 0
  grep -q -- '--no-sandbox: all privileges and system calls are kept' "$log/err"
}

# probe ALLOWED OPTION...: of all that is tried, this alone is not refused.
probe() {
  local allowed=$1
  shift
  rm -f "$log/err" # of the one before
  LD_PRELOAD=$BATS_TEST_DIRNAME/../build/tests/probe_calls.so \
    "$TEARDOWN_UML_BIN/capture" -i lo "$@" >"$log/out" 2>"$log/err" 3>&- &
  pids+=($!)
  wait_for says err 'probe: done'
  [ "$(grep -c '^probe: .*: refused$' "$log/err")" -ge 15 ] || fail 'not refused'
  [ "$(sed -n 's/^probe: \(.*\): not refused$/\1/p' "$log/err")" = "$allowed" ] || fail 'allowed'
}

@test "forbidden calls are refused, in both modes of the witness" {
  probe '' --kernel off
  probe read-open --kernel auto
}

# ---- what it writes to ----

read_normal() { run "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" "$@"; }

@test "no file is written over through a symbolic link, by -w, --json and --rows" {
  local option
  echo precious >"$log/precious"
  ln -s precious "$log/link"
  for option in -w --json --rows; do
    read_normal "$option" "$log/link"
    [ "$status" -eq 2 ]
    [[ $output == *"capture: $option $log/link: is a symbolic link, which is not followed; name the file itself"* ]]
    [ "$(cat "$log/precious")" = precious ]
  done
}

@test "root behind sudo writes over nothing that the caller could not" {
  ((ROOT)) || skip 'needs root of the machine'
  echo precious >"$log/precious" # root's, 0600
  chmod 600 "$log/precious"
  for option in -w --json; do
    SUDO_UID=4242 SUDO_GID=4242 read_normal "$option" "$log/precious"
    [ "$status" -eq 2 ]
    [[ $output == *"$option $log/precious: cannot write: Permission denied; choose another file"* ]]
    [ "$(cat "$log/precious")" = precious ]
  done
  SUDO_UID=4242 SUDO_GID=4242 read_normal -w "$log/mine"
  [ "$status" -eq 0 ]
  [ "$(stat -c %u:%g "$log/mine")" = 4242:4242 ]
  run "$TEARDOWN_BIN/capture" -r "$log/mine" # what was written is whole
  [ "$status" -eq 0 ]
}

@test "what is being read, or written by another option, is not written over" {
  cp "$GOLDEN/normal.pcap" "$log/read"
  local how
  for how in -w --json; do
    run "$TEARDOWN_BIN/capture" -r "$log/read" "$how" "$log/read"
    [ "$status" -eq 2 ]
    [[ $output == *"$how $log/read: is the file that is being read; choose another file"* ]]
    cmp "$GOLDEN/normal.pcap" "$log/read"
  done
  ln "$log/read" "$log/other-name"
  # shellcheck disable=SC2016 # for the inner shell
  run sh -c '"$1/capture" -r - -w "$2/other-name" <"$2/read"' - "$TEARDOWN_BIN" "$log"
  [ "$status" -eq 2 ]
  cmp "$GOLDEN/normal.pcap" "$log/read"
  read_normal -w "$log/both" --json "$log/both"
  [ "$status" -eq 2 ]
  [[ $output == *"--json $log/both: is the file that another option writes; choose another file"* ]]
  run sh -c '"$1/capture" -r "$2/read" --json "$2/stdout" >"$2/stdout"' - "$TEARDOWN_BIN" "$log"
  [ "$status" -eq 2 ]
}

@test "- is standard output, and one thing alone has it" {
  "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" -w - 2>/dev/null >"$log/saved"
  cmp "$GOLDEN/normal.pcap" "$log/saved"
  "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" --json - 2>/dev/null | jq -e . >/dev/null
  [ ! -e - ]
  "$TEARDOWN_BIN/capture" -r "$GOLDEN/normal.pcap" --json /dev/fd/3 3>"$log/three" >/dev/null 2>&1
  jq -e . "$log/three" >/dev/null
  local pair
  for pair in '-w - --json -' '-w - --format lines' '--json - --format json' '--rows - -w /dev/stdout'; do
    # shellcheck disable=SC2086 # words
    read_normal $pair
    [ "$status" -eq 2 ] || fail "$pair"
    [[ $output == *'standard output is taken by '*'; name a file for one'* ]]
  done
}

@test "descriptors 0, 1 and 2 that are closed are nobody's file" {
  local closed
  for closed in '<&- >&- 2>&-' '>&-' '2>&-' '<&-'; do
    rm -f "$log"/*
    # shellcheck disable=SC2016 # for the inner shell
    run sh -c '"$1/capture" -r "$3" --json "$2/json" -w "$2/saved" '"$closed" - \
      "$TEARDOWN_BIN" "$log" "$GOLDEN/normal.pcap"
    # The report cannot be written where stdout is closed, and that is an error.
    if [[ $closed == *'>&- '* || $closed == '>&-' ]]; then [ "$status" -eq 2 ]; else [ "$status" -eq 0 ]; fi
    jq -e . "$log/json" >/dev/null || fail "$closed: not JSON"
    [ "$(head -c 4 "$log/saved" | od -An -tx1)" = ' d4 c3 b2 a1' ] || fail "$closed: not a savefile"
  done
}
