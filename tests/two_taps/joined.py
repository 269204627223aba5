#!/usr/bin/env python3
"""What is claimed of losses where the files of two taps were joined into one, in the order of time or one
after the other, and their clocks differ.

    joined.py CAPTURE FOLDER...

Ends with 1 if a claim is wrong: less was lost of its role, at whichever place (truth.py).
"""
import collections
import os
import struct
import sys
import tempfile

import truth

APART_MS = (0, 50, -50, 700, -700, 7000)


def packets(name):
    with open(name, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        s, us, size, wire = struct.unpack_from("<IIII", data, at)
        yield s * 1000000 + us, wire, data[at + 16:at + 16 + size]
        at += 16 + size


def write(path, found):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for t, wire, data in found:
            file.write(struct.pack("<IIII", t // 1000000, t % 1000000, len(data), wire) + data)


def judge(close, first, losses):
    """How many of the losses are not so, if that end closed first."""
    claims, wrong, used = collections.Counter(), 0, collections.Counter()
    for c in losses:
        claims[truth.ROLES[c["role"]]] += c["count"]
    for (which, what), n in sorted(claims.items(), key=lambda item: item[0][1] == "either"):
        end = first if which == 0 else 1 - first
        lost = {"fin": sum(x.lost for x in close.copies(end)), "ack": sum(x.lost for x in close.answers(end))}
        true = min(n, max(0, sum(lost.values()) - used[end]) if what == "either" else lost[what])
        used[end] += true
        wrong += n - true
    return wrong


def run(capture, folder, path):
    taps = {tap: os.path.join(folder, tap + ".pcap") for tap in ("near", "far")}
    conns, claimed, wrong = collections.defaultdict(list), 0, []
    for x in truth.match([truth.read(taps[tap]) for tap in ("near", "far")]):
        conns[x.s.conn].append(x)
    closes = {conn: truth.Close(sent) for conn, sent in conns.items()}
    near = list(packets(taps["near"]))
    for apart in APART_MS:
        far = [(t + apart * 1000, wire, data) for t, wire, data in packets(taps["far"])]
        for order in ("by time", "one after the other"):
            write(path, sorted(near + far) if order == "by time" else near + far)
            for conn, found in truth.verdicts(truth.run_capture(capture, path)).items():
                # Which FIN is the first depends on where one looks.
                firsts = {closes[conn].first(tap) for tap in (truth.NEAR, truth.FAR)} - {None}
                for v in found.values() if closes[conn].is_single() else ():
                    claimed += sum(c["count"] for c in v["losses"])
                    if v["losses"] and min(judge(closes[conn], first, v["losses"]) for first in firsts):
                        wrong.append("%s: port %d, %d ms apart, %s: %s" % (folder, conn, apart, order, v["losses"]))
    return claimed, wrong


def main():
    claimed, wrong = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for folder in sys.argv[2:]:
            more = run(sys.argv[1], folder, os.path.join(scratch, "joined.pcap"))
            claimed += more[0]
            wrong += more[1]
    print("# %d losses claimed of joined files, %d verdicts wrong" % (claimed, len(wrong)))
    for line in wrong:
        print("# wrong: " + line)
    return 1 if wrong or not claimed else 0


if __name__ == "__main__":
    sys.exit(main())
