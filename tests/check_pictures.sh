#!/usr/bin/env bash
# Pictures for a ticket, --svg and --mermaid: check_pictures.py over every golden capture. Prints TAP.
set -u
cd "$(dirname "$0")" || exit
exec python3 check_pictures.py "${TEARDOWN_BIN:-../build/san}/capture" golden/*.pcap
