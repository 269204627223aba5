#!/usr/bin/env python3
"""Two vantage points: what CAPTURE says of recorded/near.pcap and far.pcap, and of what may befall such
files. Nothing is called lost that is not in the files as they were recorded. Prints TAP.

    views.py CAPTURE
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")
LOST = "it was lost between the two taps"
capture, scratch = sys.argv[1], tempfile.mkdtemp()
number = 0


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        data = file.read()
    at, packets = 24, []
    while at < len(data):
        s, us, size, wire = struct.unpack_from("<IIII", data, at)
        packets.append([s * 1000000 + us, wire, data[at + 16:at + 16 + size]])
        at += 16 + size
    return packets


def write(name, packets):
    path = os.path.join(scratch, name)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for t, wire, data in packets:
            file.write(struct.pack("<IIII", t // 1000000, t % 1000000, len(data), wire) + data)
    return path


def run(near, far, *options):
    files = [write(name + ".pcap", p) if isinstance(p, list) else p
             for name, p in (("near", near), ("far", far))]
    return subprocess.run([capture, *options, "-r", files[0], "-r", files[1]], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)


def stated(near, far):
    """The segments that are said to be lost, and the losses between the taps in the verdicts."""
    out = run(near, far, "--format", "json")
    assert out.returncode in (0, 1), "status %d: %s" % (out.returncode, out.stderr)
    lost, roles = set(), 0
    for line in out.stdout.splitlines():
        o = json.loads(line)
        if o["type"] == "segment" and o["ignored"] == LOST:
            lost.add((o["source"], o["seq"], o["ack"], o["flags"], round(o["t"], 1)))
        if o["type"] == "verdict":
            roles += sum(c["count"] for c in o["losses"] if c["place"] == "between-taps")
    return lost, roles


def test(name):
    def run_it(body):
        global number
        number += 1
        try:
            body()
            print("ok %d %s" % (number, name))
        except Exception as e:  # an assertion that fails is a result
            print("not ok %d %s\n# %s" % (number, name, str(e).replace("\n", "\n# ")))
    return run_it


def strip(lost):
    return {key[:4] for key in lost}


def check_subset(lost, why):
    assert strip(lost) <= strip(base), "%s: %d false: %s" % (
        why, len(strip(lost) - strip(base)), sorted(strip(lost) - strip(base))[:3])


def ports(data):
    return struct.unpack_from(">HH", data, 34)


def payload(data):
    return struct.unpack_from(">H", data, 16)[0] - 20 - (data[46] >> 4) * 4


near, far = read("near.pcap"), read("far.pcap")
print("1..14")
base, base_roles = stated(near, far)


@test("losses between the taps are said: segments, verdicts, sentences, and where the taps are")
def whole():
    assert len(base) >= 10 and base_roles >= 10, (len(base), base_roles)
    out = run(near, far, "--format", "lines")
    assert "between the two taps" in out.stdout and "between-taps" in out.stdout
    assert LOST in run(near, far, "--format", "ladder").stdout
    assert "near.pcap is nearer to 10.77.0.1" in out.stderr, out.stderr


@test("the order of the files does not matter")
def swapped():
    lost, roles = stated(far, near)
    assert strip(lost) == strip(base) and roles == base_roles, (roles, base_roles)


@test("NDJSON has of each segment which tap saw it, and when by the clock of the first")
def taps():
    times = [sorted(t for t, _, _ in packets) for packets in (near, far)]
    ahead = 7000000
    said = run(near, [[t + ahead, w, d] for t, w, d in far], "--format", "json").stdout
    seen, apart = {"client": 0, "server": 0}, []
    for o in map(json.loads, said.splitlines()):
        if o["type"] != "segment":
            continue
        there = {end: o["taps"][end]["t"] for end in seen}
        other = "server" if o["from"] == "client" else "client"
        assert (o["taps"]["fate"] == "lost") == (o["ignored"] == LOST) == (there[other] is None), o["taps"]
        for end, t in there.items():
            if t is not None:
                seen[end] += 1
                tap = times[o["taps"][end]["file"] - 1]
                assert min(abs(t * 1000000 - x) for x in tap) <= 2, (t, o["taps"])
        if there[other]:
            apart.append(there[other] - there[o["from"]])
    assert min(seen.values()) > 50 and 0 <= min(apart) and max(apart) < 1, (seen, min(apart), max(apart))


@test("pictures show what is lost between the taps")
def pictures():
    svg, diagram = (os.path.join(scratch, name) for name in ("two.svg", "two.mmd"))
    said = run(near, far, "--format", "json", "--svg", svg, "--mermaid", diagram).stdout
    lost = [o for o in map(json.loads, said.splitlines()) if o["type"] == "segment" and o["ignored"] == LOST]
    with open(svg, encoding="utf-8") as file:
        drawn = file.read()
    with open(diagram, encoding="utf-8") as file:
        crossed = sum("-xS" in line or "-xC" in line for line in file)
    crosses = drawn.count('class="x"')
    assert crosses == crossed == len(lost) and drawn.count(">tap A<") == 16, (crosses, crossed, len(lost), drawn.count(">tap A<"))


@test("clocks that differ by seconds, or by a day")
def clocks():
    for shift in (-7000000, 3000, 86400000000):
        lost, roles = stated(near, [[t + shift, w, d] for t, w, d in far])
        assert strip(lost) == strip(base) and roles == base_roles, (shift, roles, base_roles)


@test("one begins later")
def later():
    begin = near[0][0] + (near[-1][0] - near[0][0]) // 20
    for late in ((near, [p for p in far if p[0] > begin]), ([p for p in near if p[0] > begin], far)):
        check_subset(stated(*late)[0], "later")


@test("one ends earlier")
def earlier():
    end = near[0][0] + (near[-1][0] - near[0][0]) // 10
    for early in ((near, [p for p in far if p[0] < end]), ([p for p in near if p[0] < end], far)):
        check_subset(stated(*early)[0], "earlier")


@test("one misses packets, here and there")
def misses():
    for seed in range(10):
        draw = random.Random(seed)
        some = [p for p in far if draw.random() > 0.05]
        check_subset(stated(near, some)[0], "seed %d" % seed)
        assert "far.pcap misses" in run(near, some).stderr
        check_subset(stated(some, near)[0], "seed %d, swapped" % seed)


@test("one has been filtered by flags")
def filtered():
    check_subset(stated(near, [p for p in far if p[2][47] & 7])[0], "flags alone")


@test("one lacks a connection: nothing is said of that")
def one_less():
    port = ports(near[0][2])[0]
    lost, _ = stated(near, [p for p in far if port not in ports(p[2])])
    check_subset(lost, "one less")
    assert not [key for key in lost if ":%d" % port in key[0]]


@test("offloading at one tap: its segments are larger")
def offload():
    small = []
    for t, wire, data in far:
        size = payload(data)
        if size < 2:
            small.append([t, wire, data])
            continue
        seq, = struct.unpack_from(">I", data, 38)
        flags = data[47]
        for part, (left, length) in enumerate(((0, size // 2), (size // 2, size - size // 2))):
            head = bytearray(data[:34 + (data[46] >> 4) * 4])
            struct.pack_into(">H", head, 16, 20 + (data[46] >> 4) * 4 + length)
            struct.pack_into(">I", head, 38, (seq + left) & 0xffffffff)
            head[47] = flags if part else flags & ~9
            small.append([t, len(head) + length, bytes(head)])
    assert len(small) > len(far)
    check_subset(stated(near, small)[0], "offload")
    check_subset(stated(small, near)[0], "offload, swapped")


@test("a NAT in between: nothing pairs, which is said")
def nat():
    other = [[t, w, d.replace(bytes([10, 77, 0, 1]), bytes([192, 0, 2, 1]))] for t, w, d in far]
    out = run(near, other)
    assert out.returncode == 2 and "NAT" in out.stderr, (out.returncode, out.stderr)


@test("one place twice: the same file, and a copy of it")
def twice():
    path = write("near.pcap", near)
    out = run(path, path)
    assert out.returncode == 2 and "is given twice" in out.stderr, (out.returncode, out.stderr)
    out = run(near, near)
    assert out.returncode == 2 and "one place" in out.stderr, (out.returncode, out.stderr)


@test("a file that is cut off, or no capture, is said")
def broken():
    path = write("broken.pcap", far)
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) - 5)
    out = run(near, path)
    assert out.returncode == 2 and "broken.pcap" in out.stderr, (out.returncode, out.stderr)
    odd = write("near\x1b[2J.pcap", near)
    out = run(odd, far)
    assert out.returncode in (0, 1) and "\x1b" not in out.stderr, out.stderr
    out = run(near, os.path.abspath(__file__))
    assert out.returncode == 2 and "not a capture" in out.stderr, (out.returncode, out.stderr)


for root, _, files in os.walk(scratch):
    for file in files:
        os.unlink(os.path.join(root, file))
os.rmdir(scratch)
