#!/usr/bin/env bash
# The README's two commands on minimal Debian systems, as a stranger meets them: for each release
# debootstrap's smallest system, a clone in root's own home and one in an ordinary user's, and in each
# of them `make demo` and `make test`. A line for each, and the output of what failed. Needs root.
#
#   RELEASES="bookworm trixie"   which ones
#   TESTS="gcc uml"              these groups of tests/run.sh instead of `make test`
#
# Everything lives in a tmpfs of a mount namespace of its own: whatever ends this, SIGKILL included,
# the kernel forgets all of it with its last process.
set -euo pipefail
PATH+=:/usr/sbin:/sbin
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  echo "fresh: $1" >&2
  exit 2
}

# ---- outside: one namespace for each release ----

# shellcheck disable=SC2317 # called by the traps
interrupted() {
  local inside
  inside=$(jobs -p)
  [[ -z $inside ]] || kill -KILL "$inside" 2>/dev/null || true
  wait || true
  trap - "$1"
  kill -s "$1" $$
}

outside() {
  local release signal status=0 worst=0
  ((EUID == 0)) || fail 'needs root, to lay a system out and to enter it'
  for signal in HUP INT TERM; do
    # shellcheck disable=SC2064 # the name is wanted as it is now
    trap "interrupted $signal" "$signal"
  done
  for release in ${RELEASES:-bookworm trixie}; do
    status=0
    # shellcheck disable=SC2016 # expanded by the inner shell
    setpriv --pdeathsig KILL bash -c '[[ $PPID == "$0" ]] && exec "$@"' $$ \
      unshare --mount --pid --fork --kill-child --mount-proc -- bash "$0" --inside "$release" </dev/null &
    wait $! || status=$?
    ((status == 0)) || worst=1
  done
  return "$worst"
}

# ---- inside: the system ----

# What apt here uses, apt there uses, too: mirror, proxies, and whether dates are believed.
settings() { apt-config dump | grep -E '^Acquire::((https?|ftp)::.*[Pp]roxy|Check-|Retries)' || true; }
mirror() {
  # shellcheck disable=SC2016 # apt-get's own words
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 2>/dev/null |
    awk '$1 == "Debian" { print $NF; exit }'
}

# lay_out RELEASE: a minimal system in $system, with what it takes to clone and to say make. Its status is asked
# for, so that errexit does not end it.
lay_out() {
  local proxy='' mirror
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy ]] || export http_proxy=$proxy
  mirror=$(mirror)
  # shellcheck disable=SC2086 # without a mirror, debootstrap knows one
  debootstrap --variant=minbase --include=git,make "$1" "$system" $mirror || return
  settings >"$system/etc/apt/apt.conf.d/90outside"
  cp /etc/resolv.conf "$system/etc/resolv.conf"
  chroot "$system" useradd --create-home --shell /bin/bash stranger
  git -c safe.directory='*' clone -q "$root" "$system/root/teardown" || return
  git -c safe.directory='*' clone -q "$root" "$system/home/stranger/teardown" || return
  chroot "$system" chown -R stranger: /home/stranger/teardown
  chmod 700 "$system/root"
  mount -t proc proc "$system/proc"
  mount --rbind /sys "$system/sys"
  mount --rbind /dev "$system/dev"
}

# A bare chroot may not make user namespaces.
enter() {
  cd "$system"
  mkdir outside
  pivot_root . outside
  cd /
  umount -l /outside
  rmdir /outside
}

# ---- inside: the commands ----

worst=0

# try WHAT PATTERN USER COMMAND: in that user's clone; its output must match, and its status be 0
# unless the pattern is one of deps.sh's refusals.
try() {
  local what=$1 pattern=$2 user=$3 command=$4 status=0 output line start=$SECONDS
  output=$(timeout --kill-after 10 5400 su - "$user" -c "cd teardown && $command" </dev/null 2>&1) || status=$?
  line=$(grep -E "$pattern" <<<"$output" | tail -n 1) || true
  if [[ -n $line ]] && { ((status == 0)) || [[ $pattern == ^deps* ]]; }; then
    printf '%-9s %-9s %-18s %s (%d s)\n' "$release" "$user" "$what" "$line" $((SECONDS - start))
    return
  fi
  printf '%-9s %-9s %-18s FAILED: status %d, %d s\n' "$release" "$user" "$what" "$status" $((SECONDS - start))
  # Of the tests from their report on, without what clang-tidy says of its progress.
  { sed -n '/^Test Summary Report/,$p' <<<"$output" | grep . || tail -n 200 <<<"$output"; } |
    grep -vE '(Processing file|warnings generated)' | sed 's/^/    /'
  worst=1
}

try_all() {
  local tests='make test' demo='^Both verdicts are the expected ones' passed='^[0-9]+ passed, 0 failed'
  [[ -z ${TESTS-} ]] || tests="tests/run.sh $TESTS"
  try 'make demo, bare' '^deps: missing: .*; run: sudo apt-get install' stranger 'make demo'
  try 'make demo' "$demo" root 'make demo'
  try 'make test' "$passed" root "$tests"
  try 'make demo' "$demo" stranger 'make demo'
  try 'make test' "$passed" stranger "$tests"
}

if [[ ${1-} != --inside ]]; then
  outside
  exit
fi
(($$ == 1)) || fail '--inside is what this script says to itself; leave it out'
release=$2
system=/mnt
mount -t tmpfs -o mode=755 fresh "$system"
if ! said=$(lay_out "$release" 2>&1); then
  printf '%-9s not laid out:\n' "$release"
  tail -n 20 <<<"$said" | sed 's/^/    /'
  exit 1
fi
enter
hash -r
try_all
exit "$worst"
