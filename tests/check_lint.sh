#!/usr/bin/env bash
# What reads the sources without running them: layout, clang-tidy (.clang-tidy), cppcheck, shellcheck,
# and mandoc for the man pages as they are installed. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

n=0
# check NAME COMMAND...: the command finds nothing to say.
check() {
  local name=$1 said
  n=$((n + 1))
  shift
  if ! command -v "$1" >/dev/null; then
    echo "ok $n - $name # SKIP no $1: scripts/deps.sh test installs it"
  elif said=$("$@" 2>&1); then
    echo "ok $n - $name"
  else
    echo "not ok $n - $name"
    grep -vE '^[0-9]+ (warning|error).* generated|^Suppressed|^Use -header-filter' <<<"$said" | sed 's/^/# /'
  fi
}

layout() {
  local version
  version=$(clang-format --version 2>/dev/null | grep -o '[0-9.]*' | head -n 1)
  if [[ -n $version && ${version%%.*} != 14 ]]; then
    n=$((n + 1))
    echo "ok $n - clang-format # SKIP version $version lays out otherwise than 14, which .clang-format means"
  else
    check clang-format clang-format --dry-run -Werror "${c[@]}" "${h[@]}"
  fi
}

tidy() {
  local -a flags=(-std=c17 -D_GNU_SOURCE '-DTEARDOWN_VERSION=""' -I.)
  local library
  while read -r library; do
    # shellcheck disable=SC2207 # words
    flags+=($(pkg-config --cflags "$library" 2>/dev/null))
  done < <(sed -n 's/^PKGS_.* := *//p' Makefile | tr ' ' '\n' | sort -u)
  check clang-tidy clang-tidy --quiet "${c[@]}" -- "${flags[@]}"
}

# A unit that takes its row from a caller is seen without that caller (ctuuninitvar); NULL is a pointer
# in every C library that we are built with (varFuncNullUB).
c_checked() {
  check cppcheck cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppress=ctuuninitvar --suppress=varFuncNullUB -I. -D_GNU_SOURCE '-DTEARDOWN_VERSION=""' "${c[@]}"
}

mapfile -t c < <(git ls-files '*.c')
mapfile -t h < <(git ls-files '*.h')
mapfile -t shell < <(git ls-files '*.sh' '*.bash' .ci/run)
mapfile -t bats < <(git ls-files '*.bats')
echo 1..6
layout
tidy
c_checked
check shellcheck shellcheck "${shell[@]}"
check 'shellcheck, bats' shellcheck --severity warning "${bats[@]}"
check 'mandoc -Tlint' mandoc -Tlint -W warning build/strict/*.1
