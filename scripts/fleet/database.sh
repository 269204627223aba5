# shellcheck shell=bash
# A PostgreSQL of one's own in a folder: no port, no service, no user of the system. Sourced.

# database_find: its programs' folder in DATABASE_BIN, and first in PATH: Debian's psql elsewhere is a
# script that looks for this one. 1: there are none.
database_find() {
  local candidate
  for candidate in "$(command -v initdb)" /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb; do
    [[ -x $candidate ]] || continue
    candidate=$(readlink -f "$candidate")
    export DATABASE_BIN=${candidate%/*}
  done
  [[ -n ${DATABASE_BIN-} ]] || return
  export PATH=$DATABASE_BIN:$PATH
  command -v psql >/dev/null
}

# It refuses to run as root, and takes a user namespace for somebody else.
database_as() {
  if ((EUID == 0)); then unshare --user --map-user=1000 --map-group=1000 "$@"; else "$@"; fi
}

# database_create FOLDER
database_create() {
  database_as "$DATABASE_BIN/initdb" -D "$1/data" -A trust -U owner --no-sync --wal-segsize=1 --locale=C -E UTF8 >"$1/log" 2>&1
}

# database_start FOLDER: returns when it answers. PGHOST and PGDATABASE name it then. It is small, and
# lives for minutes: what PostgreSQL does for years ahead costs more than the queries. Without fsync it
# withstands whatever is killed, but not a machine that loses its power.
database_start() {
  export PGHOST=$1 PGDATABASE=teardown
  database_as "$DATABASE_BIN/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 \
    -o "-c listen_addresses='' -c jit=off -c autovacuum=off -c shared_buffers=16MB -c fsync=off -k '$1'" start >/dev/null
}

# database_fill: the schema, and a role for each host. database_fill HOST...
database_fill() {
  local host
  local -a roles=()
  for host; do roles+=(-c "create role \"$host\" login in role teardown_host"); done
  psql -XqU owner -d postgres -v ON_ERROR_STOP=1 -c 'create database teardown' -c '\c teardown' \
    -f "${BASH_SOURCE[0]%/*}/schema.sql" "${roles[@]}"
}

# database_stop FOLDER [immediate]
database_stop() { database_as "$DATABASE_BIN/pg_ctl" -D "$1/data" -m "${2-fast}" -w stop >/dev/null 2>&1; }
