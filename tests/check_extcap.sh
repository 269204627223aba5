#!/usr/bin/env bash
# scripts/extcap/teardown as tshark uses it: it is an interface, and its packets bear comments. Prints TAP.
set -uo pipefail

cd "$(dirname "$0")" || exit
bin=$(cd "${TEARDOWN_BIN:-../build}" && pwd)
if [[ ${1-} == --inside ]]; then
  scratch=$2
else
  scratch=$(mktemp -d) || exit
  trap 'rm -rf "$scratch"' EXIT
  chmod 0777 "$scratch"
fi

# shellcheck source-path=SCRIPTDIR source=tap.sh
. ./tap.sh

# Wireshark's folder for a user's own depends on its version.
export HOME=$scratch TEARDOWN_CAPTURE=$bin/capture
unset XDG_CONFIG_HOME
for folder in .local/lib/wireshark/extcap .config/wireshark/extcap; do
  mkdir -p "$scratch/$folder"
  ln -sf "$PWD/../scripts/extcap/teardown" "$scratch/$folder/teardown"
done

needs() { command -v "$1" >/dev/null || { echo "no $1: scripts/deps.sh test installs it"; return 77; }; }

is_an_interface() {
  needs tshark || return
  tshark -D 2>/dev/null | grep -F teardown-lo
}

# In a network of its own: closes until tshark has seen enough of them.
inside() {
  local i server tshark
  ip link set lo up
  "$bin/server" -q -p 7000 --close-delay 20 >/dev/null 2>&1 &
  server=$!
  timeout 100 tshark -n -i teardown-lo -c 40 -T fields -e frame.comment >"$scratch/comments" 2>"$scratch/said" &
  tshark=$!
  for ((i = 0; i < 400; i++)); do
    kill -0 $tshark 2>/dev/null || break
    "$bin/client" -q --close-after 0 127.0.0.1 7000 >/dev/null 2>&1
    read -rt 0.1 <> <(:) || true
  done
  kill $tshark 2>/dev/null
  wait $tshark 2>/dev/null
  kill $server
}

bears_comments() {
  needs tshark || return
  local -a alone=(unshare --net)
  ((EUID == 0)) || alone=(unshare -rn)
  "${alone[@]}" bash "./${0##*/}" --inside "$scratch"
  grep -q 'client FIN seq=u 1/4' "$scratch/comments" && grep -qE 'verdict (normal|coalesced) conforms' "$scratch/comments" && ! grep -q 'Error by extcap' "$scratch/said" && return
  cat "$scratch/said" "$scratch/comments"
  return 1
}

refuses_misuse() {
  ! ../scripts/extcap/teardown && ! ../scripts/extcap/teardown --nonsense
}

if [[ ${1-} == --inside ]]; then
  inside
  exit
fi
echo 1..3
check 'it is an interface of tshark' is_an_interface
check 'its packets bear comments' bears_comments
check 'misuse is an error' refuses_misuse
