#!/usr/bin/env bash
# In user-mode Linux: tests/two_taps/close.sh by tc netem, its captures in a folder of the host's.
set -euo pipefail
host=$1
mkdir -p /run/out
mount -t hostfs -o "$host" none /run/out
exec "$(dirname "$0")/close.sh" --netem "${@:2}" /run/out
