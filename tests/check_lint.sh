#!/usr/bin/env bash
# What reads the sources without running them: layout, clang-tidy (.clang-tidy), cppcheck, shellcheck,
# and mandoc for the man pages as they are installed. Prints TAP.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# shellcheck source=tests/tap.sh
. tests/tap.sh

# lint PROGRAM ARGUMENT...: it finds nothing to say.
lint() {
  command -v "$1" >/dev/null || { echo "no $1: scripts/deps.sh test installs it" && return 77; }
  "$@"
}

layout() {
  local version
  version=$(clang-format --version 2>/dev/null | grep -o '[0-9.]*' | head -n 1)
  if [[ -n $version && ${version%%.*} != 14 ]]; then
    echo "version $version lays out otherwise than 14, which .clang-format means"
    return 77
  fi
  lint clang-format --dry-run -Werror "${c[@]}" "${h[@]}"
}

tidy() {
  local -a flags=(-std=c17 -D_GNU_SOURCE '-DTEARDOWN_VERSION=""' -I.)
  local library
  while read -r library; do
    # shellcheck disable=SC2207 # words
    flags+=($(pkg-config --cflags "$library" 2>/dev/null))
  done < <(sed -n 's/^PKGS_.* := *//p' Makefile | tr ' ' '\n' | sort -u && echo lwip)
  lint clang-tidy --quiet "${c[@]}" -- "${flags[@]}"
}

# A unit that takes its row from a caller is seen without that caller (ctuuninitvar); NULL is a pointer
# in every C library that we are built with (varFuncNullUB); a report is returned as its first member, which
# newer versions take for a leak, and sanitizers and valgrind look for leaks;
# how deep the search goes by itself is enough (normalCheckLevelMaxBranches, of newer versions).
c_checked() {
  lint cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
    --inline-suppr --suppress=ctuuninitvar --suppress=varFuncNullUB '--suppress=memleak:capture/report/*' --suppress=normalCheckLevelMaxBranches \
    -I. -D_GNU_SOURCE '-DTEARDOWN_VERSION=""' "${c[@]}"
}

# What takes a library that deps.sh does not install is read where it is there.
mapfile -t c < <(git ls-files '*.c' |
  if [[ -e /usr/include/nids.h ]]; then cat; else grep -v /libnids.c; fi |
  if pkg-config --exists lwip; then cat; else grep -v /lwip_peer.c; fi)
mapfile -t h < <(git ls-files '*.h')
mapfile -t shell < <(git ls-files '*.sh' '*.bash' .ci/run)
mapfile -t bats < <(git ls-files '*.bats')
echo 1..6
check clang-format layout
check clang-tidy tidy
check cppcheck c_checked
check shellcheck lint shellcheck "${shell[@]}"
check 'shellcheck, bats' lint shellcheck --severity warning "${bats[@]}"
check 'mandoc -Tlint' lint mandoc -Tlint -W warning build/strict/*.1
