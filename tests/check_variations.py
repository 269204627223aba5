#!/usr/bin/env python3
"""One close, told in many ways: each capture is written anew with one thing changed that says nothing of
the close (a VLAN tag, another link layer, IPv6 for IPv4, numbers that wrap, every segment captured
twice), and must have the same verdict. Where the change takes evidence away (timestamps, what a short
snapshot cuts off), nothing may be claimed that was not claimed before. Prints TAP.

   check_variations.py CAPTURE                      two captures in each way, always the same
   check_variations.py CAPTURE all [FOLDER...]      all of them, and of the captures in FOLDER
   check_variations.py CAPTURE show NAME VARIATION FILE  both verdicts of one, which is written to FILE
"""
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import check_cases

ETHERNET, RAW, NULL, LOOP, SLL, SLL2 = 1, 101, 0, 108, 113, 276
POOL = 10  # captures that the sample is taken of


# ---- Reading --------------------------------------------------------------------------------------


class Segment:
    """One TCP segment over IP; its payload as far as it was captured, its length as it was sent."""

    def __init__(self, t, packet, wire):
        self.t, self.cut = t, wire - len(packet)
        if packet[0] >> 4 == 4:
            header = (packet[0] & 15) * 4
            total = struct.unpack(">H", packet[2:4])[0]
            self.id, self.hops, protocol = struct.unpack(">H", packet[4:6])[0], packet[8], packet[9]
            self.ends = [(packet[12:16],), (packet[16:20],)]
            if struct.unpack(">H", packet[6:8])[0] & 0x3FFF:
                raise ValueError("a fragment")
        else:
            header, self.id = 40, 0
            total = 40 + struct.unpack(">H", packet[4:6])[0]
            protocol, self.hops = packet[6], packet[7]
            self.ends = [(packet[8:24],), (packet[24:40],)]
        if protocol != 6:
            raise ValueError("no TCP")
        tcp = packet[header:total]
        self.ports = list(struct.unpack(">HH", tcp[:4]))
        self.seq, self.ack, offset, self.flags, self.window = struct.unpack(">IIBBH", tcp[4:16])
        offset = (offset >> 4) * 4
        self.options, self.payload = tcp[20:offset], tcp[offset:]
        if len(tcp) < offset:
            raise ValueError("a TCP header that was cut off")
        self.octets = total - header - offset
        self.ends = [self.ends[i][0] for i in (0, 1)]

    def copy(self):
        other = object.__new__(Segment)
        other.__dict__.update(self.__dict__)
        other.ends, other.ports = list(self.ends), list(self.ports)
        return other


def ip_of(link, frame):
    """What is behind the link layer, where that is one of the plain ones."""
    if link == RAW:
        return frame
    kind = struct.unpack(">H", frame[12:14])[0]
    if link != ETHERNET or kind not in (0x800, 0x86DD):
        raise ValueError("another link layer")
    return frame[14:]


def read(path):
    """The segments of a capture; ValueError if there is anything that cannot be written anew."""
    data = open(path, "rb").read()
    order = {0xA1B2C3D4: "<", 0xD4C3B2A1: ">"}.get(struct.unpack("<I", data[:4])[0])
    if not order:
        raise ValueError("no pcap file of microseconds")
    link, at, segments = struct.unpack(order + "I", data[20:24])[0], 24, []
    while at < len(data):
        s, us, captured, wire = struct.unpack(order + "IIII", data[at : at + 16])
        frame = data[at + 16 : at + 16 + captured]
        packet = ip_of(link, frame)
        segments.append(Segment(s * 10**6 + us, packet, wire - len(frame) + len(packet)))
        at += 16 + captured
    return segments


# ---- Writing --------------------------------------------------------------------------------------


def ip(s, options=False):
    """The packet, and how many octets were cut off it."""
    tcp = struct.pack(">HHIIBBHHH", *s.ports, s.seq, s.ack, (20 + len(s.options)) << 2, s.flags, s.window, 0, 0)
    tcp += s.options + s.payload
    length = 20 + len(s.options) + s.octets
    extra = bytes([1] * 4) if options else b""  # four NOPs, or a hop-by-hop header of PadN
    if len(s.ends[0]) == 4:
        head = struct.pack(">BBHHHBBH", 0x45 + len(extra) // 4, 0, 20 + len(extra) + length, s.id, 0, s.hops, 6, 0)
        return head + s.ends[0] + s.ends[1] + extra + tcp, s.cut
    extra = bytes([6, 0, 1, 4, 0, 0, 0, 0]) if options else b""
    head = struct.pack(">IHBB", 6 << 28, len(extra) + length, 0 if options else 6, s.hops)
    return head + s.ends[0] + s.ends[1] + extra + tcp, s.cut


def is_ipv6(packet):
    return packet[0] >> 4 == 6


def ether(packet, tags=b""):
    return bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]) + tags + (b"\x86\xdd" if is_ipv6(packet) else b"\x08\0") + packet


def pcap(frames, link=ETHERNET, order="<", ns=False, snaplen=262144):
    magic = 0xA1B23C4D if ns else 0xA1B2C3D4
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)
    for t, frame, cut in frames:
        wire, frame = len(frame) + cut, frame[:snaplen]
        fraction = t % 10**6 * (1000 if ns else 1)
        data += struct.pack(order + "IIII", t // 10**6, fraction, len(frame), wire) + frame
    return data


def block(kind, body, order):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(segments, order):
    """Three interfaces that take turns: Ethernet in us, raw IP in ns, SLL2 in units of 2^-20 s."""
    data = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    for link, unit in ((ETHERNET, 6), (RAW, 9), (SLL2, 0x80 + 20)):
        option = struct.pack(order + "HH", 9, 1) + bytes([unit, 0, 0, 0]) + bytes(4)
        data += block(1, struct.pack(order + "HHI", link, 0, 262144) + option, order)
    for n, s in enumerate(segments):
        packet, cut = ip(s)
        which = n % 3
        frame = (ether(packet), packet, sll2(packet))[which]
        t = (s.t, s.t * 1000, -(-s.t * 2**20 // 10**6))[which]
        head = struct.pack(order + "IIIII", which, t >> 32, t & 0xFFFFFFFF, len(frame), len(frame) + cut)
        data += block(6, head + frame, order)
    return data


def sll(packet):
    kind = 0x86DD if is_ipv6(packet) else 0x800
    return struct.pack(">HHH8sH", 0, 1, 6, bytes(8), kind) + packet


def sll2(packet):
    kind = 0x86DD if is_ipv6(packet) else 0x800
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + packet


def null(packet):
    return struct.pack("<I", 30 if is_ipv6(packet) else 2) + packet


def loop(packet):
    return struct.pack(">I", 24 if is_ipv6(packet) else 2) + packet


def pppoe(packet):
    head = struct.pack(">BBHHH", 0x11, 0, 1, len(packet) + 2, 0x57 if is_ipv6(packet) else 0x21)
    return ether(packet)[:12] + b"\x88\x64" + head + packet


def mpls(packet):
    return ether(packet)[:12] + b"\x88\x47" + struct.pack(">I", 16 << 12 | 1 << 8 | 64) + packet


def vxlan(packet):
    inner = ether(packet)
    udp = struct.pack(">HHHH", 50000, 4789, 16 + len(inner), 0) + bytes([8, 0, 0, 0, 0, 0, 1, 0]) + inner
    outer = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return ether(outer + udp)


# ---- Variations -----------------------------------------------------------------------------------


def framed(frame, link=ETHERNET, **how):
    """Each packet in such a frame."""
    return lambda segments: pcap([(s.t, frame(ip(s)[0]), s.cut) for s in segments], link, **how)


def changed(change):
    """Each segment changed by that, in Ethernet frames."""
    def vary(segments):
        return pcap([(s.t, ether(ip(s)[0]), s.cut) for s in change([s.copy() for s in segments])])
    return vary


def each(change):
    def vary(segments):
        for s in segments:
            change(s)
        return segments
    return changed(vary)


def tagged(tags, one_way=False):
    def vary(segments):
        first = segments[0].ends[0], segments[0].ports[0]
        return pcap([(s.t, ether(ip(s)[0], b"" if one_way and (s.ends[0], s.ports[0]) == first else tags), s.cut)
                     for s in segments])
    return vary


def other_family(s):
    for i in (0, 1):
        address = s.ends[i]
        if len(address) == 4:
            s.ends[i] = bytes.fromhex("20010db80000000000000000") + address
        else:
            s.ends[i] = bytes([10]) + struct.pack(">I", zlib.crc32(address))[1:]


def options_of(data):
    at = 0
    while at < len(data):
        length = 1 if data[at] < 2 else data[at + 1] if at + 1 < len(data) else 0
        if length == 0:
            return
        yield at, data[at], length
        at += length


def without_timestamps(s):
    options = bytearray(s.options)
    for at, kind, length in options_of(s.options):
        if kind == 8:
            options[at : at + length] = bytes([1] * length)
    s.options = bytes(options)


def renumbered(below):
    """The first number of each end of each four-tuple becomes 2^32 - below."""
    def vary(segments):
        first = {}
        for s in segments:
            key = [(s.ends[i], s.ports[i]) for i in (0, 1)]
            if (key[0], key[1]) not in first and not s.flags & 4:
                first[key[0], key[1]] = s.seq
            if (key[1], key[0]) not in first and s.flags & 16 and not s.flags & 4:
                first[key[1], key[0]] = s.ack - 1
        for s in segments:
            key = [(s.ends[i], s.ports[i]) for i in (0, 1)]
            own, peer = (-below - first.get(k, 0) for k in ((key[0], key[1]), (key[1], key[0])))
            # A RST that answers what acknowledged nothing has the number 0, whoever sends it.
            begin = first.get((key[0], key[1]))
            counts = begin is not None and (s.seq - begin) % 2**32 < 2**16
            if s.seq or not s.flags & 4 or counts:
                s.seq = (s.seq + own) % 2**32
            if s.flags & 16:
                s.ack = (s.ack + peer) % 2**32
            options = bytearray(s.options)
            for at, kind, length in options_of(s.options):
                for edge in range(at + 2, at + length, 4) if kind == 5 else ():
                    value = struct.unpack(">I", options[edge : edge + 4])[0]
                    options[edge : edge + 4] = struct.pack(">I", (value + peer) % 2**32)
            s.options = bytes(options)
        return segments
    return changed(vary)


def exchanged(s):
    """Each end has the other's address and port."""
    s.ends.reverse()
    s.ports.reverse()


def copies(wanted, later):
    """Those that are wanted were captured on two interfaces."""
    def vary(segments):
        doubled = []
        for s in segments:
            doubled.append((s.t, len(doubled), s))
            if wanted(s):
                again = s.copy()
                again.t += later
                doubled.append((again.t, len(doubled), again))
        doubled.sort(key=lambda d: d[:2])
        return [d[2] for d in doubled]
    return changed(vary)


def from_zero(segments):
    first = min(s.t for s in segments)
    for s in segments:
        s.t -= first
    return segments


def to_2106(segments):
    first = min(s.t for s in segments)
    for s in segments:
        s.t += (2**32 - 1) * 10**6 + 999999 - first if first == s.t else 0
    return segments


def padded(segments):
    """To the least that Ethernet takes."""
    return pcap([(s.t, f + bytes(0 if s.cut else max(0, 60 - len(f))), s.cut)
                 for s, f in ((s, ether(ip(s)[0])) for s in segments)])


def optioned(segments):
    return pcap([(s.t, ether(ip(s, options=True)[0]), s.cut) for s in segments])


def interleaved(segments):
    """Between them: ARP, UDP, a fragment, and a connection of others that goes on."""
    frames, number = [], 0
    for n, s in enumerate(segments):
        frames.append((s.t, ether(ip(s)[0]), s.cut))
        head = struct.pack(">BBHHHBBH", 0x45, 0, 28, n, 0, 64, 17, 0)
        frames.append((s.t, bytes(12) + b"\x08\x06" + bytes(28), 0))
        frames.append((s.t, ether(head + bytes([10, 9, 8, 7, 10, 9, 8, 6]) + struct.pack(">HHHH", 53, 53, 8, 0)), 0))
        other = s.copy()
        other.ends, other.ports = [bytes([10, 9, 8, 7]), bytes([10, 9, 8, 6])], [50001, 8443]
        other.seq, other.ack, other.flags = 1000 + number, 5000, 0x18
        other.options, other.payload, other.octets, other.cut = b"", b"abc", 3, 0
        number += 3
        frames.append((s.t, ether(ip(other)[0]), 0))
    return pcap(frames)


def ecn(s):
    s.flags |= 0 if s.flags & 2 else 0x40


def pushed(s):
    s.flags ^= 8 if s.octets else 0


def retold(s):
    """A box on the way has another IP identification and hop limit for everything."""
    s.id, s.hops = (s.id + 4711) % 65536, (s.hops - 1) % 256 or 1


# Name: what to do, and how much must stay: SAME; NAMED: but for names of addresses; LESS: no new claim.
SAME, NAMED, LESS = "same", "named", "less"
VARIATIONS = {
    "as it is": (framed(ether), SAME),
    "VLAN": (tagged(b"\x81\0\0\x64"), SAME),
    "VLAN, one direction": (tagged(b"\x81\0\0\x64", True), SAME),
    "QinQ": (tagged(b"\x88\xa8\0\x64\x81\0\0\x65"), SAME),
    "SLL": (framed(sll, SLL), SAME),
    "SLL2": (framed(sll2, SLL2), SAME),
    "raw IP": (framed(bytes, RAW), SAME),
    "NULL": (framed(null, NULL), SAME),
    "LOOP": (framed(loop, LOOP), SAME),
    "PPPoE": (framed(pppoe), SAME),
    "MPLS": (framed(mpls), SAME),
    "VXLAN": (framed(vxlan), SAME),
    "the other IP": (each(other_family), NAMED),
    "IP options": (optioned, SAME),
    "padded": (padded, SAME),
    "96 octets of each": (framed(ether, snaplen=96), LESS),
    "68 octets of each": (framed(ether, snaplen=68), LESS),
    "pcapng": (lambda segments: pcapng(segments, "<"), SAME),
    "pcapng, other order": (lambda segments: pcapng(segments, ">"), SAME),
    "other order": (framed(ether, order=">"), SAME),
    "nanoseconds": (framed(ether, ns=True), SAME),
    "numbers wrap in the handshake": (renumbered(1), NAMED),
    "numbers wrap behind it": (renumbered(2), NAMED),
    "numbers wrap later": (renumbered(103), NAMED),
    "numbers around 2^31": (renumbered(2**31 + 3), NAMED),
    "ends exchanged": (each(exchanged), NAMED),
    "others between": (interleaved, SAME),
    "no timestamps": (each(without_timestamps), LESS),
    "data captured twice": (copies(lambda s: s.octets > 0, 5), SAME),
    "all captured twice": (copies(lambda s: True, 0), SAME),
    "from time zero": (changed(from_zero), NAMED),
    "ECN": (each(ecn), SAME),
    "PSH": (each(pushed), SAME),
    "another box on the way": (each(retold), SAME),
}

# In the sample, too: the D-SACK that tells the ACK lost is among the octets that are cut off.
ALWAYS = [("68 octets of each", "lost-ack1.pcap"), ("from time zero", "a FIN scan")]


# ---- Verdicts -------------------------------------------------------------------------------------


def verdicts(capture, path):
    run = subprocess.run([capture, "-r", path, "--format", "json"], capture_output=True, text=True, timeout=60)
    if run.returncode > 1 or not run.stdout:
        raise RuntimeError(f"status {run.returncode}: {run.stderr}")
    last = {}
    for line in run.stdout.splitlines():
        told = json.loads(line)
        if told["type"] == "verdict" and not told["client"].startswith("10.9.8."):
            last[told["conn"]] = told
    return list(last.values())


def essence(v, swap=False):
    """What must not change. `swap`: client and server are the other way round."""
    def name(end):
        return {"client": "server", "server": "client"}.get(end, end) if swap else end
    one, other = ("server", "client") if swap else ("client", "server")
    return {
        "closed_first": name(v["closed_first"]), "ending": v["ending"], "losses": v["losses"],
        "control_segments": v["control_segments"], "again": v["fin_retransmissions"],
        "reset_cause": v["reset_cause"], "verdict": v["verdict"], "doubt": v["doubt"],
        "states": [v[f"{one}_state"], v[f"{one}_evidence"], v[f"{other}_state"], v[f"{other}_evidence"]],
        "findings": sorted((f["id"], f["severity"], name(f["about"])) for f in v["findings"]),
        "idle": v["idle_us"], "duration": v["duration_us"],
    }


def claims(e):
    """What of it says that something happened which may not have."""
    said = {("finding", f[0], f[2]): 1 for f in e["findings"] if f[1] in ("breach", "stuck")}
    for loss in e["losses"]:
        for role in loss["role"].split("/"):  # either says less than one of them
            key = ("lost", role)
            said[key] = said.get(key, 0) + loss["count"]
    return said


def new_claims(before, after):
    """`before` may have told which of two was lost; then `after` may say one of the two."""
    wrong, old = [], claims(before)
    for what, n in claims(after).items():
        if what[0] != "lost":
            if what not in old:
                wrong.append(f"new: {what}")
            continue
    pairs = (("fin1", "ack1", "fin1/ack1"), ("fin2", "final-ack", "fin2/final-ack"))
    def count(e, roles):
        return sum(loss["count"] for loss in e["losses"] if loss["role"] in roles)
    for pair in pairs:
        if count(after, pair) > count(before, pair):
            wrong.append(f"new losses: {after['losses']}")
        for role in pair[:2]:
            if count(after, (role,)) > count(before, (role,)):
                wrong.append(f"new: {role} lost")
    for what in ("ending", "closed_first", "control_segments"):
        if before[what] != after[what]:
            wrong.append(f"{what} {after[what]}, was {before[what]}")
    if after["reset_cause"] not in (before["reset_cause"], "cannot-tell"):
        wrong.append(f"cause {after['reset_cause']}, was {before['reset_cause']}")
    if after["verdict"] == "violates" != before["verdict"]:
        wrong.append("violates")
    return wrong


def compare(before, after, how, variation):
    if variation == "68 octets of each":  # an IPv6 and a TCP header do not fit into them
        before = [v for v in before if not v["client"].startswith("[")]
    if len(before) != len(after):
        return [f"{len(after)} connections, there were {len(before)}"]
    wrong = []
    for a, b in zip(before, after):
        ea, eb = essence(a), essence(b)
        # Without a SYN the ports tell, or whoever comes first.
        if variation == "ends exchanged" and a["roles_by"] != "syn" and ea != eb:
            eb = essence(b, swap=True)
        if how == LESS:
            wrong += new_claims(ea, eb)
            continue
        if how == SAME and a["sentence"] != b["sentence"]:
            wrong.append(f"sentence {b['sentence']} -- was: {a['sentence']}")
        wrong += [f"{k}: {eb[k]} -- was: {ea[k]}" for k in ea if ea[k] != eb[k]]
    return wrong


def sources(tests, folders):
    """Name -> segments."""
    found = {}
    for path in sorted(glob.glob(os.path.join(tests, "golden/*.pcap"))):
        found[os.path.basename(path)] = read(path)
    with tempfile.TemporaryDirectory() as folder:
        for name, case in check_cases.read(os.path.join(tests, "cases.txt")).items():
            path = os.path.join(folder, "pcap")
            # Time that runs backwards is what it tells; the copies of a copy are another matter.
            if "joined" in case[0]:
                continue
            with open(path, "wb") as file:
                file.write(check_cases.capture_of(case)[0])
            found[name] = read(path)
    unread = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "*.pcap*"))):
            try:
                found[os.path.basename(path)] = read(path)
            except (ValueError, IndexError, struct.error) as error:
                unread[os.path.basename(path)] = error
    return found, unread


def main():
    tests = os.path.dirname(os.path.abspath(__file__))
    capture, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    found, unread = sources(tests, words[1:] if words[:1] == ["all"] else [])
    with tempfile.TemporaryDirectory() as folder:
        def play(name, variation):
            path = os.path.join(folder, f"{zlib.crc32((name + variation).encode()):x}")
            with open(path, "wb") as file:
                file.write(VARIATIONS[variation][0](found[name]))
            try:
                return verdicts(capture, path)
            finally:
                os.unlink(path)

        if words[:1] == ["show"]:
            with open(words[3], "wb") as file:
                file.write(VARIATIONS[words[2]][0](found[words[1]]))
            for variation in ("as it is", words[2]):
                for v in play(words[1], variation):
                    print(variation, json.dumps(essence(v)), v["sentence"])
            return

        def order(name, variation=""):
            return zlib.crc32(f"{name}|{variation}".encode())
        pool_of_names = sorted(found, key=order)[:POOL]
        wanted = {}
        for variation in list(VARIATIONS)[1:]:
            wanted[variation] = sorted(found) if words[:1] == ["all"] else sorted(
                pool_of_names, key=lambda name: order(name, variation))[:2]
        for variation, name in ALWAYS:
            if name not in wanted[variation]:
                wanted[variation].append(name)
        names = sorted({name for group in wanted.values() for name in group})
        longest = 60 if words[:1] == ["all"] else 6
        with ThreadPoolExecutor(2) as pool:
            plain = dict(zip(names, pool.map(lambda name: play(name, "as it is"), names)))
            print(f"1..{len(wanted)}")
            for n, (variation, group) in enumerate(wanted.items(), 1):
                wrong = []
                for name, after in zip(group, pool.map(lambda name: play(name, variation), group)):
                    said = compare(plain[name], after, VARIATIONS[variation][1], variation)
                    wrong += [f"{name}: {line}" for line in said[:3]]
                print(f"{'not ' if wrong else ''}ok {n} - {variation} ({len(group)} captures)")
                for line in wrong[:longest]:
                    print("# " + line)
                sys.stdout.flush()
    for name, error in unread.items():
        print(f"# {name}: not written anew: {error}")


if __name__ == "__main__":
    main()
