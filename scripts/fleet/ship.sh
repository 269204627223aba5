#!/usr/bin/env bash
# Brings the files that `capture --json FOLDER/FILE --rotate S` has closed into the database of
# schema.sql, and removes each when its rows are there. See --help.
set -uo pipefail

usage() {
  cat <<'END'
Usage: ship.sh [OPTION]... FOLDER
Brings closed files of NDJSON (FOLDER/*-TIME-NUMBER.ndjson) into the database that
the variables of psql name (PGHOST, PGDATABASE, ..., PGUSER: this host's role), a
transaction each, and removes what has arrived. Whatever ends this script, psql or
the database, and whenever: run again it goes on, nothing is lost and nothing twice.

      --once          end when there is no file left, 1 if one is; else look again
      --every S       look again after so many seconds (default 5)
      --spool MIB     when the files are more than that, the oldest are given up, and
                      it is said how many (default 1024)
  -h, --help          print this text

A file that the database refuses as wrong is renamed to FILE.refused; those count
to the spool, too.
END
}

say() { printf 'ship: %s\n' "$1" >&2; }
misuse() {
  say "$1; see --help"
  exit 2
}
number() { [[ $2 =~ ^[1-9][0-9]{0,8}$ ]] || misuse "$1 wants a number from 1 on, not '$2'"; }

script=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/ship.sql
once=0 every=5 spool_mib=1024 folder=
while (($#)); do
  case $1 in
    --every | --spool) (($# > 1)) || misuse "$1 wants a value" ;;&
    --once) once=1 ;;
    --every) number "$1" "$2"; every=$2; shift ;;
    --spool) number "$1" "$2"; spool_mib=$2; shift ;;
    -h | --help) usage; exit ;;
    -*) misuse "what is '$1'?" ;;
    *) [[ -z $folder ]] || misuse 'one folder is enough'; folder=$1 ;;
  esac
  shift
done
[[ -n $folder ]] || misuse 'wants a folder'
[[ -d $folder ]] || misuse "$folder is no folder"
command -v psql >/dev/null || { say 'psql is missing: install postgresql-client'; exit 2; }
shopt -s nullglob

# The names sort as the files were closed.
list() { files=("$folder"/*-[0-9]*Z-[0-9]*.ndjson); }

# Once an oldest file is given up its rows are lost: better than a full disk under the services.
bound_spool() {
  local i size total=0 gone=0
  local -a bytes=() all=("$folder"/*-[0-9]*Z-[0-9]*.ndjson "$folder"/*-[0-9]*Z-[0-9]*.ndjson.refused)
  ((${#all[@]} > 0)) || return 0
  mapfile -t bytes < <(stat -c %s -- "${all[@]}")
  for size in "${bytes[@]}"; do total=$((total + size)); done
  for i in "${!all[@]}"; do
    ((total > spool_mib * 1048576)) || break
    rm -f -- "${all[i]}"
    total=$((total - ${bytes[i]-0})) gone=$((gone + 1))
  done
  ((!gone)) || say "the spool was full (--spool $spool_mib): $gone files given up, their rows are lost"
}

# ship FILE: 0 its rows are there and it is gone; 1 not now; 2 never: it is wrong.
ship() {
  local said status=0 name
  # Two runs of one second may close files of the same name.
  name=$(sha256sum <"$1")
  name="${1##*/} ${name:0:16}"
  said=$(PGCONNECT_TIMEOUT=${PGCONNECT_TIMEOUT-10} psql -XqAt -v VERBOSITY=verbose -v "file=$name" -f "$script" \
    <"$1" 2>&1) || status=$?
  if ((!status)); then
    rm -f -- "$1"
    return
  fi
  # Data exceptions and violated constraints: it will be as wrong tomorrow.
  if ((status == 3)) && [[ $said =~ ERROR:\ \ 2[23][0-9A-Z]{3}: ]]; then
    mv -- "$1" "$1.refused"
    say "${1##*/} is refused, and kept as ${1##*/}.refused: ${said//$'\n'/ }"
    return 2
  fi
  [[ $said == "$last_said" ]] || say "${1##*/} waits: ${said//$'\n'/ }"
  last_said=$said
  return 1
}

exec {silence}<> <(:) # never readable: a signal interrupts it at once, which sleep(1) as a child is not
last_said=
while :; do
  bound_spool
  list
  waits=0
  for file in "${files[@]}"; do
    ship "$file"
    case $? in
      0) last_said= ;;
      1) waits=1; break ;;
    esac
  done
  ((!once)) || exit $waits
  read -rt "$every" -u "$silence" || true
done
