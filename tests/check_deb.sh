#!/usr/bin/env bash
# The Debian package: what is in it, that it installs, runs and goes again without a trace. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")/.." || exit
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=tests/tap.sh
. tests/tap.sh

command -v dpkg-shlibdeps >/dev/null || {
  echo '1..0 # SKIP no dpkg-dev: scripts/deps.sh test installs it'
  exit
}
package=build/strict/teardown_$(sed -n 's/^VERSION := //p' Makefile)_$(dpkg --print-architecture).deb
rm -f "$package"
echo 1..5
builds() { [[ $(make --no-print-directory -o all STRICT=1 deb | tail -n 1) == "$package" && -s $package ]]; }
check 'make deb makes it' builds

describes() {
  local field
  dpkg-deb --field "$package" >"$scratch/control"
  for field in 'Package: teardown' "Architecture: $(dpkg --print-architecture)" 'Depends: .*libc6' 'Depends: .*libpcap' \
    'Depends: .*libuv1' 'setcap cap_net_raw\+ep /usr/bin/teardown-capture'; do
    grep -qE "$field" "$scratch/control" || { echo "not in it: $field" && cat "$scratch/control" && return 1; }
  done
}
check 'it says what it needs, and how to capture without root' describes

holds() {
  local file
  dpkg-deb --contents "$package" >"$scratch/contents"
  for file in bin/teardown-{capture,server,client} share/man/man1/teardown-{capture,server,client}.1.gz \
    share/teardown/ndjson.schema.json share/doc/teardown/copyright share/bash-completion/completions/teardown-capture; do
    grep -qE " root/root .* \./usr/$file\$" "$scratch/contents" || { echo "not in it: $file" && return 1; }
  done
  ! grep -vE ' \./(usr/.*)?$' "$scratch/contents"
}
check 'programs, manual pages, schema, completions, licence; all root'\''s, all below /usr' holds

# Into a tree of its own: no scripts, so nothing else is touched.
installs() {
  local to=$scratch/root
  mkdir -p "$to/var/lib/dpkg/"{info,updates} && : >"$to/var/lib/dpkg/status"
  dpkg --root="$to" --log=/dev/null --force-not-root --force-depends --install "$package" >"$scratch/log" 2>&1 &&
    dpkg --root="$to" --verify teardown &&
    "$to/usr/bin/teardown-capture" -r tests/golden/normal.pcap --expect normal >"$scratch/out" 2>&1 &&
    grep -q 'verdict normal' "$scratch/out" && "$to/usr/bin/teardown-server" --version >/dev/null &&
    "$to/usr/bin/teardown-client" --help | grep -q teardown-client
}
check 'it installs, and what it has installed runs' installs

goes() {
  [[ -e $scratch/root/usr/bin/teardown-capture ]] &&
  dpkg --root="$scratch/root" --log=/dev/null --force-not-root --purge teardown >>"$scratch/log" 2>&1 &&
    ! find "$scratch/root" -path "$scratch/root/var/lib/dpkg" -prune -o -type f -print | grep .
}
check 'it goes without a trace' goes
