#!/usr/bin/env python3
"""What was really lost between two taps, and what one tap alone lets one tell of it.

    truth.py PER_CENT CAPTURE FOLDER...

The claims of CAPTURE, about near.pcap and about far.pcap alone, against both files together. Ends
with 1 if one is wrong, if a verdict has a breach, for both ends are Linux, or if less than PER_CENT
of what is inferable is claimed. With MISSED=1 it
prints what is not.

The last lines are of both files together: of each kind of segment (end, numbers, flags, length), and of
each role, the product may state no more lost between the taps than were, and no connection may be
without its verdict.

Shares no code with the product. Each tap is at one end of the path and misses nothing there, so:

  Truth. A segment is known by its numbers, flags, length, window, options and IP identification. Its
  sender's tap saw it leave; it arrived if the other tap saw it. Where several alike were sent and
  not all of them arrived, which of them is open: then as many count as lost as may have been. The
  losses of a FIN are its copies that did not arrive; those of its ACK are the segments (but RSTs)
  that acknowledge its octet and did not arrive. Seen from one tap what was lost of the far end's
  was lost before the tap, and of the near end's after it.

  A claim "role, count, place" is true if at least so many are lost of that role in that place. Of
  "fin/ack", which leaves open which of the two, at least so many must be lost of both together,
  beside those that are claimed of each.

  Inferable. A loss can be told by one tap only where it leaves a trace there. RTT is the shortest
  time from a segment's passing the tap to its acknowledgement's; "later" is by RTT + max(RTT, 20 ms).
  At the tap of the FIN's sender, where all copies pass, and only answers that arrive, the first
  answer speaks of the copies before the newest that it can be to (by RTT, or by the timestamp that it
  echoes, if it is bare and without D-SACK). Unless the FIN had been SACKed before, these are
    fin, after the tap
      - all, if it is a bare ACK without D-SACK, both ends permit SACK, no FIN of its sender's came
        before, and the copy that it is to begins where had been acknowledged to: a second arrival would
        have been told by a D-SACK (RFC 2883);
      - those before the one whose timestamp it echoes, if all copies acknowledge its sender's
        own FIN: it is in TIME_WAIT then, and keeps the timestamp of the first (RFC 7323);
      - without any answer, too, those that the other end, which has all octets before, does not
        cover ten times as much later (in a segment that is none captured late: one that repeats,
        without a newer timestamp, may be that).
    ack, before the tap
      - one, if it echoes the timestamp of an older copy than it is to, and it is in TIME_WAIT or
        carries a D-SACK of all that had not been acknowledged; or if it carries such a D-SACK, the
        copies are apart, and nothing in the file was doubled on its way.
    either
      - the others, but of a D-SACK of less than that.
  Only a copy that begins where had been acknowledged to has an ACK of its own (one that arrives before
  the octets in front of it has none), and only if the next is apart from it, by 40 ms and
  the round trip between the ends or more (a delayed ACK is the answer to both, and it may have come
  after that). Nor has the one that ends CLOSING: where the FINs crossed, it acknowledges the other FIN,
  and its timestamp is echoed. All but the third of "fin" speak of such copies alone.
  At the tap of the FIN's receiver, where all answers pass:
    ack, after the tap
      - one for each run of answers that a copy follows later, but not the last of several if an RST of
        the FIN's sender follows (RFC 1337: the answer before may have been late, not lost).
    fin, before the tap: leaves no trace.
  Of these only what the truth confirms counts as inferable, and nothing where which FIN is the first
  is open: the last octet of the end whose FIN that tap did not see did not pass it either. What is
  claimed of a FIN, or of its ACK, more exactly than as one of the two, is claimed of the two, too.
"""
import collections
import json
import os
import struct
import subprocess
import sys

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
NEAR, FAR = 0, 1
NETS = ((bytes([10, 77, 0, 1]), bytes.fromhex("fd77" + "00" * 13 + "01")),
        (bytes([10, 77, 0, 2]), bytes.fromhex("fd77" + "00" * 13 + "02")))

Segment = collections.namedtuple(
    "Segment", "t end conn seq ack flags size tsval tsecr sacks may_sack key")


def after(a, b):
    """a > b, as sequence numbers go round."""
    return 0 < (a - b) & 0xFFFFFFFF < 1 << 31


def options_of(data):
    tsval = tsecr = None
    sacks, may_sack, at = [], False, 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        kind, size = data[at], data[at + 1]
        if kind == 8:
            tsval, tsecr = struct.unpack(">II", data[at + 2:at + 10])
        elif kind == 5:
            sacks = list(struct.iter_unpack(">II", data[at + 2:at + size]))
        elif kind == 4:
            may_sack = True
        at += size
    return tsval, tsecr, tuple(sacks), may_sack


def segment_of(t, frame):
    kind, = struct.unpack_from(">H", frame, 12)
    ip = frame[14:]
    if kind == 0x0800 and ip[9] == 6:
        head = (ip[0] & 15) * 4
        total, ident = struct.unpack_from(">HH", ip, 2)
        source, to = ip[12:16], ip[16:20]
    elif kind == 0x86DD and ip[6] == 6:
        head, ident = 40, 0
        total = struct.unpack_from(">H", ip, 4)[0] + 40
        source, to = ip[8:24], ip[24:40]
    else:
        return None
    tcp = ip[head:]
    sport, dport, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", tcp)
    offset = (offset >> 4) * 4
    tsval, tsecr, sacks, may_sack = options_of(tcp[20:offset])
    size = total - head - offset
    end = NEAR if source in NETS[NEAR] else FAR
    assert source in NETS[end] and to in NETS[1 - end]
    conn = sport if end == NEAR else dport
    key = (end, conn, seq, ack, flags, size, window, tsval, tsecr, sacks, ident)
    return Segment(t, end, conn, seq, ack, flags, size, tsval, tsecr, sacks, may_sack, key)


def read(name):
    with open(name, "rb") as file:
        data = file.read()
    assert data[:4] == b"\xd4\xc3\xb2\xa1", name
    at, found = 24, []
    while at < len(data):
        s, us, size, _ = struct.unpack_from("<IIII", data, at)
        segment = segment_of(s * 1000000 + us, data[at + 16:at + 16 + size])
        if segment:
            found.append(segment)
        at += 16 + size
    return found


class Sent:
    """A segment as its sender's tap saw it leave."""

    def __init__(self, segment):
        self.s = segment
        self.lost = False     # or may be
        self.certain = True
        self.arrived = []     # times at the other tap

    def has(self, flag):
        return self.s.flags & flag

    def last(self):
        return (self.s.seq + self.s.size + (1 if self.has(SYN) else 0)) & 0xFFFFFFFF


def match(taps):
    """All that was sent, and what became of it."""
    sent, arrived = collections.defaultdict(list), collections.defaultdict(list)
    for end in (NEAR, FAR):
        for s in taps[end]:
            if s.end == end:
                sent[s.key].append(Sent(s))
            else:
                arrived[s.key].append(s.t)
    ended = [max(s.t for s in taps[end]) for end in (NEAR, FAR)]
    for key, times in arrived.items():
        assert key in sent or min(times) > ended[key[0]], "arrived and was never sent: %r" % (key,)
    for key, alike in sent.items():
        times = arrived.get(key, [])
        for t in times:  # at the newest that had left by then: both taps have the same clock
            own = [x for x in alike if x.s.t <= t]
            own[-1].arrived.append(t)
        for x in alike:
            x.lost = not x.arrived
            x.certain = len(alike) == 1 or not times or not x.lost
        if times and any(x.lost for x in alike):
            for x in alike:
                x.certain = False
    return [x for alike in sent.values() for x in alike]


class Close:
    """The FINs of one connection, its copies and what answers them."""

    def __init__(self, sent):
        self.sent = sorted(sent, key=lambda x: x.s.t)
        self.may_sack = [False, False]
        self.fin = [None, None]
        self.isns = [set(), set()]
        for x in self.sent:
            if x.has(SYN):
                self.isns[x.s.end].add(x.s.seq)
                self.may_sack[x.s.end] |= x.s.may_sack
            if x.has(FIN) and self.fin[x.s.end] is None:
                self.fin[x.s.end] = x.last()

    def is_single(self):
        return all(len(isns) <= 1 for isns in self.isns)

    def covers(self, x, end):
        """It acknowledges the FIN of that end."""
        fin = self.fin[end]
        return (fin is not None and x.s.end != end and x.has(ACK) and not x.has(RST | SYN) and
                after(x.s.ack, fin))

    def copies(self, end):
        return [x for x in self.sent if x.s.end == end and x.has(FIN)]

    def answers(self, end):
        return [x for x in self.sent if self.covers(x, end)]

    def first(self, tap):
        """Whose FIN is the first, as that tap sees it."""
        seen = []
        for end in (NEAR, FAR):
            times = [t for x in self.copies(end) for t in seen_at(x, tap)]
            if times:
                seen.append((min(times), end))
        if len(seen) == 2:
            for end in (NEAR, FAR):
                first = [x for x in self.copies(end) if seen_at(x, tap)][0]
                if self.covers(first, 1 - end):
                    return 1 - end
        return min(seen)[1] if seen else None


    def closed_first(self):
        """The end; "both" whose FINs crossed; None: nobody closed."""
        own = [self.copies(end)[:1] for end in (NEAR, FAR)]
        for end in (NEAR, FAR):
            if not own[end] or own[1 - end] and self.covers(own[end][0], 1 - end):
                return 1 - end if own[1 - end] else None
        return "both"


def seen_at(x, tap):
    return [x.s.t] if x.s.end == tap else x.arrived


def truth(close, tap):
    """Lost by (fin, what, place) of that tap; fin: the end."""
    count = collections.Counter()
    for end in (NEAR, FAR):
        place = "after-tap" if end == tap else "before-tap"
        count[end, "fin", place] = sum(x.lost for x in close.copies(end))
        place = "before-tap" if end == tap else "after-tap"
        count[end, "ack", place] = sum(x.lost for x in close.answers(end))
    return count


# ---- what one tap can tell -----------------------------------------------------------------------


def round_trip(close, tap):
    """The shortest from the tap to each end and back, in us."""
    best = [None, None]
    for end in (NEAR, FAR):
        asked = None
        for t, x in sorted(((t, x) for x in close.sent for t in seen_at(x, tap)),
                           key=lambda pair: pair[0]):
            if x.s.end != end and (x.s.size or x.has(SYN | FIN)):
                mark = (x.s.seq + x.s.size + (1 if x.has(SYN | FIN) else 0)) & 0xFFFFFFFF
                if asked is None or after(mark, asked[0]):
                    asked = (mark, t)
            elif x.s.end == end and asked and x.has(ACK) and not after(asked[0], x.s.ack):
                took = t - asked[1]
                if took >= 0 and (best[end] is None or took < best[end]):
                    best[end] = took
                asked = None
    return best


def later(rtt):
    return None if rtt is None else rtt + max(rtt, 20000)


def has_dsack(x, fin):
    return any(after(x.s.ack, left) and after(right, fin) for left, right in x.s.sacks[:1])


def may_have_closed(close, tap, end):
    """That tap saw no FIN of that end, and its last octet neither."""
    seen = [x for x in close.sent if x.s.end == end and seen_at(x, tap)]
    if not seen or any(x.has(FIN) for x in seen):
        return False
    marks = [x.last() for x in seen]
    marks += [x.s.ack for x in close.sent if x.s.end != end and x.has(ACK) and seen_at(x, tap)]
    last = marks[0]
    for mark in marks:
        if after(mark, last):
            last = mark
    return last not in [x.last() for x in seen if x.s.size or x.has(SYN)]


def inferable(close, tap, doubled):
    count = collections.Counter()
    if any(may_have_closed(close, tap, end) for end in (NEAR, FAR)):
        return count
    rtts = round_trip(close, tap)
    for end in (NEAR, FAR):
        if close.fin[end] is None:
            continue
        copies = sorted(((t, x) for x in close.copies(end) for t in seen_at(x, tap)[:1]),
                        key=lambda pair: pair[0])
        answers = sorted(((t, x) for x in close.answers(end) for t in seen_at(x, tap)[:1]),
                         key=lambda pair: pair[0])
        if not copies:
            continue
        if end == tap:
            path = sum(rtts) if None not in rtts else 1000000
            at_sender(close, tap, end, copies, answers, rtts[1 - end], path, doubled, count)
        else:
            at_receiver(end, copies, answers, later(rtts[end]), count)
            reset = any(x.has(RST) and t > answers[0][0] for x in close.sent if x.s.end == end and answers
                        for t in seen_at(x, tap))
            if reset and count[end, "ack", "after-tap"] > 0:
                count[end, "ack", "after-tap"] -= 1
    return count


def at_receiver(end, copies, answers, late, count):
    if late is None:
        return
    run = []
    events = [(t, 0, x) for t, x in copies] + [(t, 1, x) for t, x in answers]
    for t, kind, x in sorted(events, key=lambda event: event[:2]):
        if kind:
            run.append((t, x))
        elif run and t - run[-1][0] > late:
            if all(y.lost for _, y in run):
                count[end, "ack", "after-tap"] += 1
            run = []


def at_sender(close, tap, end, copies, answers, rtt, path, doubled, count):
    other = 1 - end
    told = set()

    def note(what, i):
        """Copy i left a trace; the truth has to confirm it."""
        if i in told:
            return
        x = copies[i][1]
        ack_lost = any(y.lost and y.s.t >= x.s.t for y in close.answers(end)) and not x.lost
        told.add(i)
        if what == "fin" and x.lost:
            count[end, "fin", "after-tap"] += 1
        elif what == "ack" and ack_lost:
            count[end, "ack", "before-tap"] += 1
        elif what == "either" and (x.lost or ack_lost):
            count[end, "either", "unknown"] += 1

    limit = later(rtt)
    newest = top = None
    for t_x, x in sorted(((t, x) for x in close.sent if x.s.end == other
                          for t in seen_at(x, tap)[:1]), key=lambda pair: pair[0]):
        late = top is not None and after(top, x.s.seq) and not (
            x.s.tsval is not None and (newest is None or not after(newest, x.s.tsval)))
        end_of_x = (x.last() + (1 if x.has(FIN) else 0)) & 0xFFFFFFFF
        if top is None or after(end_of_x, top):
            top = end_of_x
        if x.s.tsval is not None and (newest is None or after(x.s.tsval, newest)):
            newest = x.s.tsval
        if limit is None or late or not x.has(ACK) or x.has(RST) or x.s.ack != close.fin[end]:
            continue
        for i, (t_copy, _) in enumerate(copies):
            if t_x - t_copy > 10 * limit:
                note("fin", i)
    if answers:
        first_answer(close, tap, end, copies, answers[0], rtt, path, doubled, note)


def first_answer(close, tap, end, copies, answer, rtt, path, doubled, note):
    other, fin, (t_answer, a) = 1 - end, close.fin[end], answer
    acked = None
    for x in close.sent:  # until the answer
        if x.s.end == end and x.has(SYN) and acked is None:
            acked = (x.s.seq + 1) & 0xFFFFFFFF
        for t in seen_at(x, tap)[:1]:
            if x.s.end == other and x.has(ACK) and t < t_answer and (
                    acked is None or after(x.s.ack, acked)):
                acked = x.s.ack
            if x.s.end == other and t < t_answer and x.s.sacks and after(x.s.sacks[0][0], x.s.ack) \
                    and x.s.sacks[0][1] == (fin + 1) & 0xFFFFFFFF:
                return
    if acked is None:
        return
    n = sum(t < t_answer for t, _ in copies)
    to = max([i for i in range(n) if rtt is None or t_answer - copies[i][0] >= rtt - 1000],
             default=0)
    had_closed = any(t < t_answer for x in close.copies(other) for t in seen_at(x, tap)[:1])
    time_wait = had_closed and all(close.covers(x, other) for _, x in copies)
    bare = not a.s.size and not a.has(FIN)
    dsack = has_dsack(a, fin)
    speaks = bare and not dsack and all(close.may_sack) and not had_closed
    echoed = [i for i in range(n) if a.s.tsecr is not None and copies[i][1].s.tsval == a.s.tsecr]
    echo = echoed[0] if len(echoed) == 1 else None
    if speaks and echo is not None:
        to = echo
    if echo is not None and echo > to:
        echo = None
    spaced = [i for i in range(to) if copies[i + 1][0] - copies[i][0] >= 40000 + path]
    crossed = not close.covers(copies[0][1], other) and not close.covers(close.copies(other)[0], end) \
        if close.fin[other] is not None else False
    own = [i for i in spaced if not after(copies[i][1].s.seq, acked) and not (
        i == echo and crossed and close.covers(copies[i][1], other))]
    if speaks and not after(copies[to][1].s.seq, acked):
        for i in own:
            note("fin", i)
    elif time_wait and echo is not None:
        for i in own:
            if i < echo:
                note("fin", i)
            elif i > echo:
                note("either", i)
        if echo in spaced:
            note("ack", echo)
    elif dsack and after(a.s.sacks[0][0], acked):
        return
    elif dsack and echo not in spaced and to - 1 in spaced and not doubled:
        note("ack", next((i for i in range(to) if not copies[i][1].lost), to - 1))
        for i in own:
            note("either", i)
    else:
        for i in own:
            if i != echo:
                note("either", i)
        if echo is not None and dsack and echo in spaced:
            note("ack", echo)
        elif echo in own:
            note("either", echo)


# ---- the claims ----------------------------------------------------------------------------------

ROLES = {"fin1": (0, "fin"), "ack1": (0, "ack"), "fin2": (1, "fin"), "final-ack": (1, "ack"),
         "fin1/ack1": (0, "either"), "fin2/final-ack": (1, "either")}
NAMES = {value: name for name, value in ROLES.items()}


def run_capture(capture, *names):
    files = [word for name in names for word in ("-r", name)]
    out = subprocess.run([capture, *files, "--format", "json"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, check=False)
    assert out.returncode in (0, 1), "%s: status %d, %s" % (files, out.returncode, out.stderr)
    return [json.loads(line) for line in out.stdout.splitlines()]


def end_of(address):
    return NEAR if "7::1]" in address or ".0.1:" in address else FAR


def verdicts(objects):
    """By the client's port, the last one of each connection."""
    found = {}
    for o in objects:
        if o["type"] == "verdict":
            ends = [o["client"], o["server"]]
            port = [int(e.rsplit(":", 1)[1]) for e in ends if end_of(e) == NEAR]
            found.setdefault(port[0], {})[o["conn"]] = o
    return found


class Tally:
    def __init__(self):
        self.claimed = collections.Counter()
        self.true = collections.Counter()
        self.inferable = collections.Counter()
        self.found = collections.Counter()
        self.verdicts = collections.Counter()
        self.wrong = []
        self.lost = collections.Counter()   # between the taps: stated, stated and true, true
        self.roles = collections.Counter()  # the same, in verdicts
        self.first = collections.Counter()  # who closed first: stated, and true, by number of taps

    def judge_both(self, folder, conns, objects):
        """What both files together are said to show."""
        stated, lost = collections.Counter(), collections.Counter()
        for o in objects:
            if o["type"] == "segment" and o["ignored"] == "it was lost between the two taps":
                ports = [int(o[e].rsplit(":", 1)[1]) for e in ("source", "destination")]
                end = end_of(o["source"])
                stated[end, ports[end], o["seq"], o["ack"], o["flags"], o["payload_bytes"]] += 1
        letters = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "."))
        for sent in conns.values():
            for x in sent:
                flags = "".join(letter for flag, letter in letters if x.has(flag))
                lost[x.s.end, x.s.conn, x.s.seq, x.s.ack, flags, x.s.size] += x.lost
        for key, n in stated.items():
            self.lost["stated"] += n
            self.lost["true"] += min(n, lost[key])
            if n > lost[key]:
                self.wrong.append("%s: %r lost x%d between the taps, really x%d" % (
                    folder, key, n, lost[key]))
        found = verdicts(objects)
        for conn, sent in conns.items():
            close = Close(sent)
            if conn not in found:
                self.wrong.append("%s: port %d has no verdict" % (folder, conn))
            if not close.is_single():
                continue
            for end in (NEAR, FAR):
                for what, all_sent in (("fin", close.copies(end)), ("ack", close.answers(end))):
                    self.roles["lost"] += sum(x.lost for x in all_sent)
            for verdict in found.get(conn, {}).values():
                self.judge_roles(folder, close, verdict)
                self.judge_first(close, verdict, 2)

    def judge_first(self, close, verdict, taps):
        """A FIN whose every copy and answer was lost before the tap leaves no trace: not each is true."""
        if verdict["closed_first"] == "none" or verdict["doubt"] is not None:
            return
        end = end_of(verdict["client"])
        stated = {"client": end, "server": 1 - end, "both": "both"}[verdict["closed_first"]]
        self.first[taps, "stated"] += 1
        self.first[taps, "true"] += stated == close.closed_first()

    def judge_roles(self, folder, close, verdict):
        lost = truth(close, NEAR) + truth(close, FAR)
        total = {what: sum(n for (_, w, _), n in lost.items() if w == what) // 2
                 for what in ("fin", "ack")}
        claims = collections.Counter()
        for c in verdict["losses"]:
            if c["place"] == "between-taps":
                claims[ROLES[c["role"]][1]] += c["count"]
            elif c["count"] <= sum(total.values()):
                pass  # which of the segments that are alike was lost is open, and that one was is so
            else:
                self.wrong.append("%s: port %s lost %s %s, and nothing was beyond the taps" % (
                    folder, close.sent[0].s.conn, c["role"], c["place"]))
        for what, n in claims.items():
            self.roles["stated"] += n
            self.roles["true"] += min(n, total[what])
            if n > total[what]:
                self.wrong.append("%s: port %s: %s lost x%d between the taps, really x%d" % (
                    folder, close.sent[0].s.conn, what, n, total[what]))

    def judge(self, where, close, tap, verdict, doubled):
        first = close.first(tap)
        lost = truth(close, tap)
        told = inferable(close, tap, doubled[tap])
        claims = collections.Counter()
        self.verdicts[verdict["verdict"]] += 1
        if verdict["verdict"] == "violates":
            self.wrong.append("%s: a breach: %s" % (where, verdict["sentence"]))
        for c in verdict["losses"]:
            which, what = ROLES[c["role"]]
            claims[which, what, c["place"]] += c["count"]
        used = collections.Counter()
        for (which, what, place), n in sorted(claims.items(), key=lambda item: item[0][1] == "either"):
            end = first if which == 0 else 1 - first
            if what == "either":
                all_lost = sum(lost[end, w, p] for w in ("fin", "ack")
                               for p in ("before-tap", "after-tap"))
                true = min(n, max(0, all_lost - used[end]))
            else:
                places = ("before-tap", "after-tap") if place == "unknown" else (place,)
                true = min(n, sum(lost[end, what, p] for p in places))
                used[end] += true
            name = NAMES[which, what]
            self.claimed[name, place] += n
            self.true[name, place] += true
            if true < n:
                self.wrong.append("%s: %s x%d %s, %d lost: %s" % (
                    where, name, n, place, true,
                    [c["because"] for c in verdict["losses"] if c["role"] == name]))
        for (end, what, place), n in told.items():
            if first is None:
                continue
            which = 0 if end == first else 1
            name = NAMES[which, what]
            self.inferable[name, place] += n
            found = claims[which, what, place]
            if what == "either":
                for (w, exact, p), claimed in claims.items():
                    if w == which and exact != "either":
                        found += max(0, claimed - told[end, exact, p])
            found = min(n, found)
            self.found[name, place] += found
            if found < n and os.environ.get("MISSED"):
                print("# missed %s: %s x%d %s, claimed %d" % (where, name, n, place, found))


def run(capture, folders):
    tally, connections, left_out = Tally(), 0, 0
    for folder in folders:
        taps = [read(os.path.join(folder, tap + ".pcap")) for tap in ("near", "far")]
        conns = collections.defaultdict(list)
        for x in match(taps):
            conns[x.s.conn].append(x)
        doubled = [any(len(x.arrived) > 1 for xs in conns.values() for x in xs if x.s.end != tap)
                   for tap in (NEAR, FAR)]
        files = [os.path.join(folder, tap + ".pcap") for tap in ("near", "far")]
        claims = [verdicts(run_capture(capture, file)) for file in files]
        tally.judge_both(folder, conns, run_capture(capture, *files))
        for conn, sent in sorted(conns.items()):
            close = Close(sent)
            connections += 1
            if not close.is_single():
                left_out += 1
                continue
            for tap in (NEAR, FAR):
                for verdict in claims[tap].get(conn, {}).values():
                    where = "%s/%s.pcap port %d" % (folder, ("near", "far")[tap], conn)
                    tally.judge(where, close, tap, verdict, doubled)
                    tally.judge_first(close, verdict, 1)
    return tally, connections, left_out


def share(part, whole):
    return "%6d of %6d %7s" % (part, whole, "-" if whole == 0 else "%.1f %%" % (100 * part / whole))


def main():
    least, capture, folders = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    tally, connections, left_out = run(capture, folders)
    print("# %d connections, %d verdicts (%s); four-tuples used twice, left out: %d" % (
        connections, sum(tally.verdicts.values()),
        ", ".join("%d %s" % (n, name) for name, n in sorted(tally.verdicts.items())), left_out))
    print("# %-16s %-11s %24s %24s" % ("role", "place", "true of claimed", "claimed of inferable"))
    for name in sorted(set(tally.claimed) | set(tally.inferable)):
        print("# %-16s %-11s %s %s" % (*name, share(tally.true[name], tally.claimed[name]),
                                      share(tally.found[name], tally.inferable[name])))
    claimed, true = sum(tally.claimed.values()), sum(tally.true.values())
    inferable_all, found = sum(tally.inferable.values()), sum(tally.found.values())
    print("# %-16s %-11s %s %s" % ("all", "", share(true, claimed), share(found, inferable_all)))
    print("# lost between the taps, by two files: %d segments stated, %d true; FINs and their ACKs: "
          "%d stated, %d true, of %d" % (tally.lost["stated"], tally.lost["true"],
                                         tally.roles["stated"], tally.roles["true"],
                                         tally.roles["lost"]))
    print("# closed first, as stated without a doubt, is true: by one file %s, by both %s" % tuple(
        share(tally.first[taps, "true"], tally.first[taps, "stated"]) for taps in (1, 2)))
    for wrong in tally.wrong:
        print("# wrong: " + wrong)
    return 1 if tally.wrong or found * 100 < least * inferable_all or not claimed else 0


if __name__ == "__main__":
    sys.exit(main())
