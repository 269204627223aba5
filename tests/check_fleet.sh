#!/usr/bin/env bash
# Many hosts: what three captures behind a lossy router bring into a PostgreSQL is all there, once,
# whoever is killed meanwhile, and what it says of losses and verdicts is so. Prints TAP.
# FLEET_KILLS=4 tests/run.sh check_fleet kills so often; else it is twenty times.
set -uo pipefail

tests=$(cd "$(dirname "$0")" && pwd)
fleet=$tests/../scripts/fleet
# shellcheck source=tests/tap.sh
. "$tests/tap.sh"
# shellcheck source=scripts/fleet/database.sh
. "$fleet/database.sh"
# Three captures of real closes and all that they write: not sanitized, for the time it takes.
export TEARDOWN_BIN=${TEARDOWN_UML_BIN:-$tests/../build/strict}
kills=${FLEET_KILLS:-20}

echo 1..9
if ! database_find; then
  for ((i = 1; i <= 9; i++)); do echo "ok $i # SKIP no postgresql: scripts/deps.sh test installs it"; done
  exit
fi
shopt -s nullglob
exec {silence}<> <(:)
# A socket's name is short, and the build's folder may be deep.
scratch=$(mktemp -d /tmp/fleet.XXXXXX) || exit
shipper=
end() {
  [[ -z $shipper ]] || kill -KILL -- "-$shipper" 2>/dev/null
  database_stop "$scratch/kept/database" immediate
  rm -rf "$scratch"
}
trap end EXIT
mkdir "$scratch/kept" "$scratch/spool"

runs() {
  local said
  said=$("$fleet/demo.sh" --closes 15 --keep "$scratch/kept" 2>&1) || { echo "$said"; return 1; }
  grep -qE '^ web-1 +\| +7003 \| server \[[0-9]+\] +\| +5 ' <<<"$said" &&
    grep -qE '^ +7001 \| client +\| normal ' <<<"$said" && return
  echo "$said"
  return 1
}

# counted TYPE SUM: what a host's objects of that type say, by service and who closed first.
counted() {
  jq -rn "[inputs | select(.type == \"$1\")] | group_by(.conn // .line) | map(last) | map(.service = (.service // (.server | split(\":\") | last | tonumber)))
    | group_by(.service, .closed_first)[] | \"\(.[0].service) \(.[0].closed_first) \($2)\"" "$scratch/kept/$host.ndjson"
}

# Each host counted its closes itself, beside telling them; some verdicts were told again, revised.
counts_are_right() {
  local host
  for host in web-1 app-1 app-2; do
    diff <(counted verdict 'length') <(counted rollup 'map(.connections) | add') || return
  done
}

# What web-1's rows say its clock has is 3.7 s more. The files are many, as after a long outage.
prepare() {
  local host file
  if ! database_start "$scratch/kept/database"; then
    cat "$scratch/kept/database/log"
    return 1
  fi
  psql -XqU owner -v ON_ERROR_STOP=1 -c 'drop schema teardown cascade' -f "$fleet/schema.sql" 2>/dev/null || return
  jq -c 'if .t then .t += 3.7 else . end' "$scratch/kept/web-1.ndjson" >"$scratch/web-1" || return
  cp "$scratch/kept/app-1.ndjson" "$scratch/kept/app-2.ndjson" "$scratch" || return
  for host in web-1 app-1 app-2; do
    mkdir "$scratch/spool/$host"
    file=$scratch/$host
    [[ -e $file ]] || file+=.ndjson
    split -l 90 -a 6 -d --additional-suffix .ndjson "$file" "$scratch/spool/$host/td-20260101T000000Z-" || return
  done
}

# Neither does one that is being answered hold up the first row of a day.
begins_a_day() {
  local asking status=0
  psql -XqAtU owner -c 'begin; lock table teardown.object in access share mode; select pg_sleep(600)' >"$scratch/asking" 2>&1 &
  asking=$!
  until (($(psql -XqAtU owner -c "select count(*) from pg_locks where relation = 'teardown.object'::regclass"))); do
    read -rt 0.1 -u "$silence" || true
  done
  psql -XqAtU owner -v ON_ERROR_STOP=1 -c "set lock_timeout = '20s'" -c 'select teardown.need_day()' || status=$?
  psql -XqAtU owner -c "select pg_terminate_backend(pid) from pg_locks where relation = 'teardown.object'::regclass" >"$scratch/asking"
  wait "$asking" 2>/dev/null
  return "$status"
}

left() { compgen -G "$scratch/spool/*/*.ndjson*" | wc -l; }
# await_less N: until so few files are left; a minute at most.
await_less() {
  local tries
  local -a files
  for ((tries = 0; tries < 6000; tries++)); do
    files=("$scratch/spool"/*/*.ndjson*)
    ((${#files[@]} > $1)) || return 0
    read -rt 0.01 -u "$silence" || true
  done
  echo "$(left) files are left, and not $1"
  return 1
}

# A group of its own: kill -9 takes the shippers and their psql together. It is there when this returns:
# with setsid it might not be yet for the next kill, and whoever then waits for its end waits for ever.
start_shippers() {
  set -m
  # shellcheck disable=SC2016 # the inner shell expands it
  bash -c 'for host in web-1 app-1 app-2; do PGUSER=$host "$1/ship.sh" --every 1 "$2/$host" & done; wait' \
    - "$fleet" "$scratch/spool" >>"$scratch/said" 2>&1 &
  shipper=$!
  set +m
}
start_again() {
  local tries
  for ((tries = 0; tries < 30; tries++)); do # those of before may still hold its memory
    database_start "$scratch/kept/database" && return
    read -rt 0.2 -u "$silence" || true
  done
  cat "$scratch/kept/database/log"
  return 1
}

is_killed_and_loses_nothing() {
  local all i amid=0
  all=$(left)
  start_shippers
  for ((i = 1; i <= kills; i++)); do
    await_less $((all - all * i / (kills + 1))) || { cat "$scratch/said"; return 1; }
    (($(left) == 0)) || amid=$((amid + 1))
    if ((i % 3)); then
      kill -KILL -- "-$shipper"
      wait "$shipper"
      start_shippers
    else
      kill -KILL "$(head -n 1 "$scratch/kept/database/data/postmaster.pid")"
      start_again || return
    fi
  done 2>/dev/null
  await_less 0 || { cat "$scratch/said"; return 1; }
  kill -TERM -- "-$shipper"
  wait "$shipper" 2>/dev/null
  shipper=
  local rows lines
  rows=$(psql -XqAtU owner -c 'select count(*), count(distinct (host, run, line)) from teardown.object')
  lines=$(cat "$scratch"/web-1 "$scratch"/app-?.ndjson | wc -l)
  echo "# $all files, $kills kills, $amid of them before all was there; lines $lines, rows $rows"
  [[ $rows == "$lines|$lines" ]] && (($(find "$scratch/spool" -type f | wc -l) == 0))
}

# A file again, under its name and under another; a wrong one; another host's; with the server away.
refuses_what_is_wrong() {
  local before after dir=$scratch/spool/app-1 good
  before=$(psql -XqAtU owner -c 'select count(*) from teardown.object')
  good=$dir/td-20260101T000000Z-000000.ndjson
  head -n 90 "$scratch/app-1.ndjson" >"$good"
  head -n 90 "$scratch/app-1.ndjson" >"$dir/td-20260101T000000Z-900000.ndjson"
  echo '{"schema":2,"type":"st' >"$dir/td-20260101T000000Z-900001.ndjson"
  head -n 2 "$scratch/web-1" >"$dir/td-20260101T000000Z-900002.ndjson"
  PGHOST=/nowhere PGUSER=app-1 "$fleet/ship.sh" --once "$dir" && return 1
  [[ -e $good ]] || return
  PGUSER=app-1 "$fleet/ship.sh" --once "$dir" || return
  after=$(psql -XqAtU owner -c 'select count(*) from teardown.object')
  find "$dir" -type f -printf '# left: %f\n' | sort
  [[ $before == "$after" && ! -e $good && $(find "$dir" -name '*.refused' | wc -l) == 3 ]] &&
    ! psql -XqU app-1 -c 'select count(*) from teardown.object' &&
    ! psql -XqU app-1 -c "insert into teardown.object (host, o) values ('web-1', '{}')" &&
    ! psql -XqU app-1 -c 'delete from teardown.shipped'
}

gives_up_the_oldest() {
  local dir=$scratch/spool/app-2 i
  for i in 1 2 3; do head -c 700000 /dev/zero >"$dir/td-20260101T00000${i}Z-000001.ndjson"; done
  PGHOST=/nowhere PGUSER=app-2 "$fleet/ship.sh" --once --spool 1 "$dir" 2>"$scratch/full"
  cat "$scratch/full"
  grep -q '2 files given up' "$scratch/full" && [[ $(ls "$dir") == td-20260101T000003Z-000001.ndjson ]]
}

units_work() {
  ((EUID == 0)) || { echo 'root alone becomes another user'; return 77; }
  local rows host
  host=$(hostname)
  psql -XqU owner -v ON_ERROR_STOP=1 -c "create role \"$host\" login in role teardown_host" || return
  unshare --net --mount "$tests/fleet/units.sh" "$fleet" "$TEARDOWN_BIN" "$scratch/kept/database" || return
  rows=$(psql -XqAtU owner -c "select sum((o -> 'connections')::int) from teardown.object where host = '$host' and type = 'rollup'")
  [[ $rows == 5 ]] || { echo "five closes, and $rows are counted"; return 1; }
}

check 'the demonstration: who closes first, and who leaks' runs
check 'what a host counts is what it tells' counts_are_right
check 'the database empty again, files of three hosts' prepare
export PGHOST=$scratch/kept/database PGDATABASE=teardown
check 'a day begins while a question is being answered' begins_a_day
check 'shippers and database killed: no row lost, none twice' is_killed_and_loses_nothing
check 'fates of segments and merged verdicts are true' "$tests/fleet/truth.py" "$TEARDOWN_BIN/capture" "$scratch/kept"
check 'what is wrong is refused, what came before is not taken again' refuses_what_is_wrong
check 'a spool that is full gives up its oldest' gives_up_the_oldest
check 'the units: what they start works, as they start it' units_work
