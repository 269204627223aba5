# shellcheck shell=bash
# A PostgreSQL of one's own in a folder: no port, no service, no user of the system. Sourced.

# database_find: its programs' folder in DATABASE_BIN. 1: there are none.
database_find() {
  local candidate
  for candidate in "$(command -v initdb)" /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb; do
    [[ -x $candidate ]] || continue
    candidate=$(readlink -f "$candidate")
    export DATABASE_BIN=${candidate%/*}
  done
  [[ -n ${DATABASE_BIN-} ]] && command -v psql >/dev/null
}

# It refuses to run as root, and takes a user namespace for somebody else.
database_as() {
  if ((EUID == 0)); then unshare --user --map-user=1000 --map-group=1000 "$@"; else "$@"; fi
}

# database_create FOLDER
database_create() {
  database_as "$DATABASE_BIN/initdb" -D "$1/data" -A trust -U owner --no-sync --locale=C -E UTF8 >"$1/log" 2>&1
}

# database_start FOLDER: returns when it answers. PGHOST and PGDATABASE name it then. It is small, and
# lives for minutes: what PostgreSQL does for years ahead costs more than the queries.
database_start() {
  export PGHOST=$1 PGDATABASE=teardown
  database_as "$DATABASE_BIN/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 \
    -o "-c listen_addresses='' -c jit=off -c autovacuum=off -k '$1'" start >/dev/null
}

# database_fill: the schema, and a role for each host. database_fill HOST...
database_fill() {
  local host
  psql -XqU owner -d postgres -c 'create database teardown' &&
    psql -XqU owner -v ON_ERROR_STOP=1 -f "${BASH_SOURCE[0]%/*}/schema.sql" || return
  for host; do psql -XqU owner -c "create role \"$host\" login in role teardown_host" || return; done
}

# database_stop FOLDER [immediate]
database_stop() { database_as "$DATABASE_BIN/pg_ctl" -D "$1/data" -m "${2-fast}" -w stop >/dev/null 2>&1; }
