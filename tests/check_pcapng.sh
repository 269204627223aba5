#!/usr/bin/env bash
# -w FILE.pcapng, its comments read by tshark: check_pcapng.py over every golden capture. Prints TAP.
set -u
cd "$(dirname "$0")" || exit
exec python3 check_pcapng.py "${TEARDOWN_BIN:-../build/san}/capture" golden/*.pcap
