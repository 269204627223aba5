#!/usr/bin/env python3
"""What the database says of two hosts' captures, against what the captures truly hold.

    truth.py CAPTURE FOLDER

FOLDER has HOST.pcap of web-1, app-1 and app-2 (scripts/fleet/demo.sh --keep); the variables of psql
name the database that has their rows. Ends with 1 if

  - a host's rows are not the segments of its file that carry a FIN or a RST, or acknowledge a FIN of
    the other end that the file has before;
  - a segment is called lost that the other file has, or arrived that it has not: of those that are
    alike in all, octet for octet, as many as were sent and as many as came. Of octets that were cut
    and put together on their way, one that has arrived in part is not lost;
  - more than one in ten of those without octets is unknown;
  - a connection of two hosts has no merged verdict, or another than CAPTURE -r ONE -r OTHER gives.

Shares no code with the product.
"""
import collections
import json
import struct
import subprocess
import sys

FIN, SYN, RST, ACK = 1, 2, 4, 16
HOST_OF = {"10.78.1.2": "web-1", "10.78.2.2": "app-1", "10.78.3.2": "app-2"}
MSS = 1448  # of an MTU of 1500, with timestamps

Segment = collections.namedtuple("Segment", "t source to seq ack flags size tsval ident")


def read(name):
    with open(name, "rb") as file:
        data = file.read()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", name
    at = 24
    while at < len(data):
        s, us, size, _ = struct.unpack_from("<IIII", data, at)
        ip = data[at + 30:at + 16 + size]  # behind Ethernet
        at += 16 + size
        if ip[:1] != b"\x45" or ip[9] != 6:
            continue
        total, ident = struct.unpack_from(">HH", ip, 2)
        tcp = ip[20:]
        sport, dport, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", tcp)
        offset = (offset >> 4) * 4
        tsval, i = None, 20
        while i < offset and tcp[i]:
            if tcp[i] == 8:
                tsval, = struct.unpack_from(">I", tcp, i + 2)
            i += 1 if tcp[i] == 1 else tcp[i + 1]
        ends = ["%s:%d" % (".".join(map(str, ip[x:x + 4])), port) for x, port in ((12, sport), (16, dport))]
        yield Segment(s + us / 1e6, *ends, seq, ack, flags, total - 20 - offset, tsval, ident)


def after(a, b):
    return 0 < (a - b) & 0xFFFFFFFF < 1 << 31


def of_close(segments):
    """Those that every tap has."""
    fin = {}
    for s in segments:
        peer = fin.get((s.to, s.source))
        if s.flags & (FIN | RST) or (s.flags & ACK and peer is not None and after(s.ack, peer)):
            yield s
        if s.flags & FIN:
            fin.setdefault((s.source, s.to), (s.seq + s.size) & 0xFFFFFFFF)
        if s.flags & SYN:
            fin.pop((s.source, s.to), None)


def what(s):
    letters = "".join(c for bit, c in ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (32, "U"), (16, ".")) if s.flags & bit)
    return (s.source, s.to, letters, s.seq, s.ack, s.size, s.tsval, s.ident)


def ask(sql):
    out = subprocess.run(["psql", "-XqAtU", "owner", "-v", "ON_ERROR_STOP=1", "-c", sql], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def host_of(name):
    return HOST_OF[name.rsplit(":", 1)[0]]


def is_piece(s, r):
    """Cut by Linux: each piece has the identification after the one before."""
    behind = (r.seq - s.seq) & 0xFFFFFFFF
    return ((r.source, r.to) == (s.source, s.to) and behind < s.size and behind % MSS == 0 and
            r.ident == (s.ident + behind // MSS) & 0xFFFF)


def check_segments(taps):
    wrong, counts = [], collections.Counter()
    for host, segments in taps.items():
        rows, = ask("select count(*) from teardown.object where type = 'sighting' and host = '%s'" % host)
        if rows != len(segments):
            wrong.append("%s has %d segments of closes, and %d rows" % (host, len(segments), rows))
    fates = collections.defaultdict(collections.Counter)
    for f in ask("select to_jsonb(f) from teardown.fates(0, 1e12) f"):
        key = (f["source"], f["destination"], f["flags"], f["seq"], f["ack"], f["payload_bytes"], f["tsval"], f["ip_id"])
        fates[key][f["fate"]] += 1
        if f["sent_at"] != host_of(f["source"]):
            wrong.append("%s is sent at %s" % (key, f["sent_at"]))
    for host, segments in taps.items():
        sent = collections.defaultdict(list)
        for s in segments:
            if host_of(s.source) == host:
                sent[what(s)].append(s)
        for key, copies in sent.items():
            other = taps[host_of(copies[0].to)]
            came = sum(what(r) == key for r in other)
            said = fates.get(key, collections.Counter())
            counts.update(said)
            pieces = came == 0 and any(is_piece(copies[0], r) for r in other)
            if sum(said.values()) != len(copies):
                wrong.append("%s: sent %d times, and %s" % (key, len(copies), dict(said)))
            elif said["arrived"] > came or said["lost"] > len(copies) - came or (pieces and said["lost"]):
                wrong.append("%s: of %d came %d%s; said is %s" % (key, len(copies), came, " in pieces" if pieces else "", dict(said)))
            counts["in pieces"] += pieces
            counts["unknown, whole"] += said["unknown"] if not key[5] else 0
    if counts["unknown, whole"] * 10 > counts["arrived"] + counts["lost"]:
        wrong.append("too much is unknown")
    if not counts["lost"]:
        wrong.append("nothing was lost")
    print("# segments:", dict(counts))
    return wrong


def key_of(o):
    ends = sorted((o[end], o["isn"][end]) for end in ("client", "server"))
    return " ".join("%s %s" % (name, "-" if isn is None else isn) for name, isn in ends)


def check_verdicts(capture, folder):
    wrong, n = [], 0
    merged = {m["key"]: m for m in ask("select to_jsonb(m) from teardown.merged(0, 1e12) m")}
    for host in ("app-1", "app-2"):
        out = subprocess.run([capture, "-r", "%s/%s.pcap" % (folder, host), "-r", folder + "/web-1.pcap", "--format", "json"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        own = {s[0] for s in ask("select json_build_array(key) from teardown.verdicts(0, 1e12) where host = '%s'" % host)}
        verdicts = {key_of(o): o for o in map(json.loads, out.splitlines()) if o["type"] == "verdict"}
        for key, o in verdicts.items():
            m = merged.get(key)
            if key not in own:
                continue
            if not m:
                wrong.append("unpaired: " + key)
                continue
            n += 1
            lost = collections.Counter()
            for loss in o["losses"]:
                if loss["place"] == "between-taps":
                    lost[loss["role"]] += loss["count"]
            for name, one, other in (("closed first", o["closed_first"], m["closed_first"]), ("ending", o["ending"], m["ending"]),
                                     ("losses", dict(lost), m["losses"]), ("verdict", o["verdict"], m["verdict"]),
                                     ("cause", o["reset_cause"], m["reset_cause"])):
                # A host's kernel knows why it aborted; no file tells.
                if one != other and not (name == "cause" and one == "cannot-tell"):
                    wrong.append("%s: %s: both files %s, merged %s" % (key, name, one, other))
    print("# connections of two hosts:", n)
    if n == 0:
        wrong.append("no connection was seen by two")
    return wrong


def main():
    capture, folder = sys.argv[1:]
    taps = {host: list(of_close(read("%s/%s.pcap" % (folder, host)))) for host in HOST_OF.values()}
    wrong = check_segments(taps) + check_verdicts(capture, folder)
    for line in wrong[:20]:
        print("#", line)
    sys.exit(bool(wrong))


main()
