#!/usr/bin/env python3
"""Closes that are easily read wrongly (cases.txt), each by IPv4 and IPv6, with numbers that wrap and,
unless it says otherwise, with client and server in each other's place. Prints TAP.

   check_cases.py CAPTURE              all of them
   check_cases.py CAPTURE NAME FILE    the capture of one, written to FILE
"""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}
# Initial numbers of client and server: ordinary ones, and such that either wraps in what follows.
NUMBERS = [(1000, 500000), (2**32 - 2, 2**31 - 3), (2**31 - 1, 2**32 - 104)]


def read(path):
    """The cases: name -> (lines of segments, whether the ends may be swapped, what must hold of the
    verdicts, what of the summary). A verdict has its segments with it."""
    cases, name = {}, None
    for line in open(path, encoding="ascii"):
        line = line.rstrip("\n")
        if line.startswith("## "):
            name = line[3:].removesuffix(" one-way")
            cases[name] = ([], "one-way" not in line, [], [])
        elif line.startswith("== "):
            cases[name][3].append(line[3:])
        elif line.startswith("= "):
            cases[name][2].append(line[2:])
        elif line and not line.startswith("#"):
            cases[name][0].append(line)
    return cases


def options(words, isn_of_peer):
    data = b""
    for word in words:
        kind, _, value = word.partition("=")
        if kind == "ts":
            data += b"\1\1" + struct.pack(">BBII", 8, 10, *map(int, value.split("/")))
        elif kind == "sack":
            edges = [(isn_of_peer + int(v)) % 2**32 for v in value.split("/")]
            data += b"\1\1" + struct.pack(">BBII", 5, 10, *edges)
        elif kind == "sack-ok":
            data += b"\1\1\4\2"
    return data


def frames(lines, variant, is_ipv6, numbers, swap):
    """(time in us, Ethernet frame) of each line: MS END FLAGS SEQ ACK OCTETS OPTION..."""
    ports, isn, number, opening, numbered = [40000, 80], list(numbers), 0, False, {}
    seen_twice = "joined" in lines or "two-taps" in lines
    for line in lines:
        words = line.split()
        if words[0] in ("client-port", "server-port"):
            ports[words[0] == "server-port"] = int(words[1])
            continue
        if words[0] in ("joined", "two-taps", "ipv4"):
            continue
        if words[0] == "anew":  # the next connection has other numbers
            isn = [(n + 100000) % 2**32 for n in isn]
            continue
        number += 1
        flags = sum(FLAGS[letter] for letter in words[2] if letter != "-")
        end = "CS".index(words[1])
        # The handshake, with the ACK that ends it, is the client's.
        is_opening, opening = (opening and words[2] == "A") or "S" in words[2], "S" in words[2]
        if swap and not is_opening:
            end = 1 - end
        seq, ack, octets = (int(w) for w in words[3:6])
        known = options(words[6:], isn[1 - end])
        named = dict(word.split("=") for word in words[6:] if "=" in word)
        payload = bytes(octets)
        if "tls" in named:  # one record: 21 is an alert, 23 data
            payload = struct.pack(">BHH", int(named["tls"]), 0x303, octets - 5) + bytes(octets - 5)
        datagram = numbered.setdefault(" ".join(words[1:]), number) if seen_twice else number
        hops, number_of_ip = int(named.get("ttl", 64)), int(named.get("id", datagram))
        tcp = struct.pack(
            ">HHIIBBHHH", ports[end], ports[1 - end],
            0 if words[3] == "0" and "R" in words[2] and "zero" in words else (isn[end] + seq) % 2**32,
            (isn[1 - end] + ack) % 2**32 if flags & 16 else 0,
            (20 + len(known)) * 4, flags, 0xffff, 0, 0) + known + payload
        if is_ipv6:
            own, peer = (bytes.fromhex("20010db8" + "00" * 9) + bytes([variant, 0, 1 + e]) for e in (end, 1 - end))
            ip = struct.pack(">IHBB", 6 << 28, len(tcp), 6, hops) + own + peer
        else:
            own, peer = (bytes([192, 0, 2 if e else 3, variant]) for e in (end, 1 - end))
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), number_of_ip, 0, hops, 6, 0) + own + peer
        ether = bytes([2, 0, 0, 0, 0, 2 - end, 2, 0, 0, 0, 0, 1 + end]) + (b"\x86\xdd" if is_ipv6 else b"\x08\0")
        yield round(float(words[0]) * 1000), ether + ip + tcp


def capture_of(case):
    """The file, and what each pair of addresses in it is: (swapped, key)."""
    lines, swappable = case[:2]
    packets, variants = [], {}
    for is_ipv6 in (False, True)[: 1 + ("ipv4" not in lines)]:
        for numbers in NUMBERS:
            for swap in (False, True)[: 1 + swappable]:
                variant = len(variants) + 1
                key = f"[2001:db8::{variant:x}:2]" if is_ipv6 else f"192.0.2.{variant}"
                variants[key] = swap
                packets += frames(lines, variant, is_ipv6, numbers, swap)
    if "joined" not in lines:
        packets.sort(key=lambda packet: packet[0])
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for t, frame in packets:
        data += struct.pack("<IIII", 1700000000 + t // 10**6, t % 10**6, len(frame), len(frame)) + frame
    return data, variants


def swapped(text):
    return re.sub("client|server", lambda m: "server" if m[0] == "client" else "client", text)


# What a verdict or a cause that cannot be told has to name: what is missing, or what would tell.
MISSING = {"midstream": "begins in the middle", "one-direction": "one direction", "no-acks": "not in the capture|no bare ACK",
           "gap": "misses segments|may be missing|was not captured|not in the capture", "drops": "dropped", "clock": "backwards|taps were joined",
           "evicted": "max-flows"}
WOULD_TELL = "would tell|not captured|missing"


def is_whole(lines):
    """One connection from its SYN on, without a hole in either stream, whose FINs all have an ACK, and
    soon: one that is not delayed for longer than any is."""
    after, acked, fins, bare, sent = [None, None], [None, None], [None, None], 0, [0, 0]
    for line in lines:
        words = line.split()
        if len(words) < 6 or words[0] in ("client-port", "server-port"):
            return False
        end, flags, (seq, ack, octets) = "CS".index(words[1]), words[2], map(int, words[3:6])
        if after[end] is None and ("S" not in flags or (end == 0 and "A" in flags)):
            return False
        if "A" in flags and "R" not in flags:
            if after[1 - end] is None or ack > after[1 - end]:
                return False
            late = float(words[0]) - sent[1 - end] > 500
            if fins[1 - end] is not None and (acked[1 - end] or 0) <= fins[1 - end] < ack and late:
                return False
            acked[1 - end] = max(ack, acked[1 - end] or 0)
        if "R" in flags:
            continue
        if seq > (after[end] or 0):
            return False
        bare += flags == "A" and octets == 0
        after[end] = max(after[end] or 0, seq + octets + ("S" in flags) + ("F" in flags))
        if "F" in flags:
            fins[end], sent[end] = seq + octets + ("S" in flags), float(words[0])
    return None not in after and bare > 1 and all(
        fin is None or (acked[i] or 0) > fin for i, fin in enumerate(fins))


def timid(told, whole):
    """What is not told though it could be, or not told without a word of what is missing."""
    if (told["verdict"] == "cannot-tell") != (told["doubt"] is not None) and told["verdict"] != "violates":
        yield "a verdict that cannot be told has a doubt, and no other has"
    if told["verdict"] == "cannot-tell" and not re.search(MISSING[told["doubt"]], told["sentence"]):
        yield "nothing is said of what is missing"
    if told["verdict"] == "cannot-tell" and whole:
        yield "nothing is missing, and yet it cannot be told"
    if told["reset_cause"] == "cannot-tell" and not re.search(WOULD_TELL, told["reset_because"]):
        yield "nothing is said of what would tell the cause"
    for word in ("look alike", "left unread"):
        if word in (told["reset_because"] or "") and told["reset_cause"] == "cannot-tell" and not (
                "SO_LINGER" in told["reset_because"] and "unread" in told["reset_because"]):
            yield "causes look alike, and not both are named"


def failures(capture, case, path):
    data, variants = capture_of(case)
    with open(path, "wb") as file:
        file.write(data)
    run = subprocess.run([capture, "-r", path, "--format", "json"], capture_output=True, text=True, timeout=60)
    if run.returncode > 1 or not run.stdout:
        return [f"status {run.returncode}: {run.stderr}"]
    last, segments = {}, {}
    for line in run.stdout.splitlines():
        told = json.loads(line)
        if told["type"] == "verdict":
            last[told["conn"]] = told
        elif told["type"] == "segment":
            segments.setdefault(told["conn"], []).append(told)
    for conn, verdict in last.items():
        verdict["segments"] = segments.get(conn, [])
    wrong, groups = [], {}
    for test in case[3]:  # told is the last line, the summary
        if subprocess.run(["jq", "-e", test], input=json.dumps(told), capture_output=True, text=True).returncode:
            wrong.append(f"{test} of {told}")
    whole = is_whole(case[0]) and "joined" not in case[0]
    for told in last.values():
        wrong += [f"{fault}: {told['sentence']} ({told['reset_because']})" for fault in timid(told, whole)]
    for key, swap in variants.items():
        own = [v for v in last.values() if v["server"].rsplit(":", 1)[0] == key]
        test = " and ".join(f"({t})" for t in case[2])
        groups.setdefault(swapped(test) if swap else test, []).append((key, own))
    for test, group in groups.items():
        program = f"[.[] | try ({test}) catch false]"
        jq = subprocess.run(["jq", "-c", program], input=json.dumps([own for _, own in group]),
                            capture_output=True, text=True)
        for (key, own), holds in zip(group, json.loads(jq.stdout or "[]") or [False] * len(group)):
            if holds is True:
                continue
            wrong.append(f"{key}: {test} {jq.stderr}")
            for v in own:
                names = ("closed_first", "ending", "losses", "reset_cause", "client_state", "server_state",
                         "roles_by", "verdict", "doubt", "sentence")
                wrong.append(str([v[n] for n in names] + [f["id"] for f in v["findings"]]))
    return wrong


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    cases = read(os.path.join(here, "cases.txt"))
    if len(sys.argv) == 4:
        with open(sys.argv[3], "wb") as file:
            file.write(capture_of(cases[sys.argv[2]])[0])
        return
    print(f"1..{len(cases)}")
    with tempfile.TemporaryDirectory() as folder:
        for n, (name, case) in enumerate(cases.items(), 1):
            wrong = failures(sys.argv[1], case, os.path.join(folder, "pcap"))
            print(f"{'not ' if wrong else ''}ok {n} - {name}")
            for line in wrong[:6]:
                print("# " + line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
