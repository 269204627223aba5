#!/usr/bin/env bash
# What the units of scripts/fleet/systemd start, started by hand as systemd would: as which user, in
# which folder, with what it may write. In namespaces of its own, as root. units.sh FLEET BIN FOLDER: the
# database's socket is in FOLDER, and has a role of this host's name.
set -euo pipefail

fleet=$1 bin=$2 database=$3
silence() { read -rt 0.1 <> <(:) || true; }
# await COMMAND...: a minute at most.
await() {
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    "$@" && return
    silence
  done
  echo "waited in vain for: $*"
  return 1
}
unit() { sed -n "s/^$2=//p" "$fleet/systemd/teardown-$1.service"; }
has() { [[ $(unit "$1" "$2") == "$3" ]] || { echo "teardown-$1.service: $2 is not $3"; exit 1; }; }

# Where they would be installed: /usr/share is not to be written to, and what is in /tmp is hidden.
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/fleet /mnt/bin /mnt/database
cp -r "$fleet/." /mnt/fleet
for program in server client capture; do cp "$bin/$program" "/mnt/bin/teardown-$program"; done
mount --bind "$database" /mnt/database
fleet=/mnt/fleet
export PATH=/mnt/bin:$PATH
{ cat /etc/passwd; echo 'teardown:x:4711:4711::/:/usr/sbin/nologin'; } >/mnt/passwd
mount --bind /mnt/passwd /etc/passwd

# User=, StateDirectory=
has capture User teardown
has ship User teardown
has capture StateDirectory teardown
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -m 0755 /var/lib/teardown
chown 4711:4711 /var/lib/teardown

started=$(unit capture ExecStart)
[[ $started == +* ]] # as root
env --default-signal=INT /bin/sh -c "exec ${started#+}" >/mnt/said 2>&1 &
capture=$!
await test -e /var/lib/teardown/closes.ndjson.part || { cat /mnt/said; exit 1; }
[[ $(awk '/^Uid/ { print $3 }' "/proc/$capture/status") == 4711 ]]
teardown-server -q -p 7000 --count 5 &
await sh -c 'ss -Hltn | grep -q :7000'
teardown-client -q --count 5 127.0.0.1 7000
kill -s "$(unit capture KillSignal)" "$capture"
status=0
wait "$capture" || status=$?
((status == 0 || status == $(unit capture SuccessExitStatus))) || { cat /mnt/said; exit 1; }

# PrivateTmp=, ProtectSystem=strict, NoNewPrivileges=
has ship PrivateTmp yes
has ship ProtectSystem strict
has ship NoNewPrivileges yes
started=$(unit ship ExecStart)
started=${started/\/usr\/share\/teardown\/fleet/$fleet}
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount --bind /var/lib/teardown /var/lib/teardown
for folder in / /mnt /var/lib; do mount -o remount,bind,ro "$folder"; done
# shellcheck disable=SC2086 # words
env -i PATH=/usr/bin:/bin PGHOST=/mnt/database PGDATABASE=teardown PGUSER="$(hostname)" \
  setpriv --reuid 4711 --regid 4711 --clear-groups --no-new-privs $started 2>/tmp/said &
ship=$!
is_shipped() { ! compgen -G '/var/lib/teardown/*.ndjson*' >/dev/null; }
await is_shipped || { cat /tmp/said; exit 1; }
kill "$ship"
wait "$ship" 2>/dev/null || true
[[ ! -s /tmp/said ]] || { cat /tmp/said; exit 1; }
