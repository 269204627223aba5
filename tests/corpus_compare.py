#!/usr/bin/env python3
"""Joins our verdicts (the NDJSON of corpus.sh, on stdin) with the tables of a corpus, and prints TAP.

corpus_compare.py corpus.md TABLE.tsv...: corpus.md has the differences that are explained.

A row is one connection in one table of the corpus. It agrees when every field that the table answers
agrees, and is not comparable when none can be compared; a row that is compared on some fields only
counts as compared.
"""

import collections
import csv
import ipaddress
import json
import re
import sys

TESTS = ["packetdrill", "packetdrill/discriminating", "zeek", "suricata", "tcptrace", "ndpi"]
CLOSING_STATES = {"FINWAIT1", "FINWAIT2", "CLOSING", "CLOSEWAIT", "LASTACK", "TIMEWAIT", "CLOSED"}
ENDS = ("client", "server")


def name(ip, port):
    """An end as we print it, whatever the spelling of IPv6."""
    if ":" in ip:
        return f"[{ipaddress.ip_address(ip)}]:{port}"
    return f"{ip}:{port}"


def own_name(text):
    ip, _, port = text.rpartition(":")
    return name(ip.strip("[]"), port)


def key_of(file, a, b):
    """One four-tuple of one file, whichever end comes first."""
    return (file, *sorted((a, b)))


def is_closed(ending):
    return ending in ("normal", "coalesced", "simultaneous")


# ---- Ours ------------------------------------------------------------------------------------


class Side:
    """What one end did on the wire, and the states that it passed through."""

    def __init__(self):
        self.fins = self.copies = self.again = self.rsts = 0
        self.rst_has_ack = False
        self.path = []

    def enter(self, state):
        state = state.replace("_", "")
        if state in CLOSING_STATES and self.path[-1:] != [state]:
            self.path.append(state)


class Connection:
    def __init__(self):
        self.sides = {end: Side() for end in ENDS}
        self.acked = set()  # "fin1", "fin2"
        self.first_fin = self.first_rst = self.effective_rst = None
        self.verdict = None
        self.old_ack = False  # an ACK whose own number its receiver has behind it

    def see_segment(self, o):
        end, role, flags = o["from"], o["role"] or "", o["flags"]
        self.old_ack |= (o["ignored"] or "").startswith("its number is below")
        side = self.sides[end]
        if "F" in flags and "S" not in flags:
            if self.first_fin is None and role:
                self.first_fin = end
            side.fins += 1
        if re.search("fin[12]", role):
            side.again += side.copies > 0
            side.copies += 1
        if "ack1" in role:
            self.acked.add("fin1")
        if "final-ack" in role:
            self.acked.add("fin2")
        if "rst" in role:
            side.rsts += 1
            side.rst_has_ack |= "." in flags
            self.first_rst = self.first_rst or end
            if o["verdict"] != "unexpected":
                self.effective_rst = self.effective_rst or end

    def see_transition(self, o):
        side = self.sides[o["about"]]
        if o["kind"] == "refuted" and side.path:
            side.path.pop()
        if o["kind"] not in ("confirmed", "restarted"):
            side.enter(o["to"])

    # What follows speaks of ends by name, as the tables do.

    def settle(self):
        self.name = {end: own_name(self.verdict[end]) for end in ENDS}
        self.by_name = {self.name[end]: self.sides[end] for end in ENDS}
        self.ending = self.verdict["ending"]
        self.crossed = self.verdict["closed_first"] == "both"
        self.state = {self.name[end]: self.verdict[end + "_state"] for end in ENDS}

    def named(self, end):
        return self.name[end] if end else "-"

    def other(self, me):
        return self.name["server"] if self.name["client"] == me else self.name["client"]

    def is_fin_acked(self, me):
        """None: it sent no FIN."""
        if not self.by_name[me].fins:
            return None
        if {"FINWAIT2", "TIMEWAIT"} & set(self.by_name[me].path):
            return True  # also by a later FIN, whose ACK of it came first and was not captured
        which = "fin1" if self.named(self.first_fin) == me else "fin2"
        return which in self.acked

    def per_side(self, field, me):
        return f"{getattr(self.by_name[me], field)}/{getattr(self.by_name[self.other(me)], field)}"

    def sent_close(self):
        return any(side.fins or side.rsts for side in self.sides.values())


class Ours:
    """Our connections of all files. Those of one four-tuple are in the order of their numbers."""

    def __init__(self):
        self.connections = collections.defaultdict(list)
        self.per_file = collections.Counter()
        self.status, self.unread, self.copies, self.broken = {}, {}, {}, []

    def read(self, lines):
        now, copies = {}, 0
        for line in lines:
            o = json.loads(line)
            kind = o["type"]
            if kind == "end":
                self.end_file(o, now, copies)
                now, copies = {}, 0
            elif kind == "summary":
                copies = o["copies"]
            elif kind in ("segment", "transition", "verdict"):
                connection = now.setdefault(o["conn"], Connection())
                if kind == "segment":
                    connection.see_segment(o)
                elif kind == "transition":
                    connection.see_transition(o)
                else:
                    connection.verdict = o

    def end_file(self, o, now, copies):
        file = o["file"]
        self.status[file], self.copies[file] = o["status"], copies
        if o["message"]:
            self.unread[file] = o["message"]
        elif o["status"] > 1:
            self.broken.append(f"# {file}: capture exits with status {o['status']}")
        for number in sorted(now):
            connection = now[number]
            if connection.verdict:
                connection.settle()
                key = key_of(file, *connection.name.values())
                self.connections[key].append(connection)
                self.per_file[file] += 1

    def find(self, place):
        """place: a key and how many of the same came before; None: there is no such connection."""
        if place is None:
            return None
        key, i = place
        return self.connections[key][i] if i < len(self.connections.get(key, [])) else None


# ---- Rows ------------------------------------------------------------------------------------


class Row:
    def __init__(self, test, file, what, closing):
        self.test, self.file, self.what, self.closing = test, file, what, closing
        self.fields, self.differences, self.reason = 0, [], ""

    def check(self, field, we, they):
        self.fields += 1
        we, they = (str(int(x)) if isinstance(x, bool) else str(x) for x in (we, they))
        if we != they:
            self.differences.append((self.file, self.what, field, we, they))

    def silent(self, reason):
        self.reason = self.reason or reason


def side_of(me, a, b):
    return "a" if me == a else "b" if me == b else "-"


def apart(n, them):
    if n == 0:
        return "inside a tunnel that we do not open"
    return f"{them} splits the tuple into connections elsewhere"


class Comparison:
    def __init__(self, ours, tables):
        self.ours = ours
        self.rows = []
        self.tables = tables
        self.streams = {}  # (file, stream) -> place
        self.tshark = {}  # place -> what tshark says
        self.streams_in = collections.Counter()
        self.dropped = {  # files with a FIN that the kernel dropped in SYN_SENT
            f"packetdrill/{r['file']}"
            for of, r in tables["discriminating.tsv"]
            if "SYN-SENT" in r[[*r][1]]
        }
        self.read_tshark()

    def begin(self, test, file, what, closing):
        self.rows.append(Row(test, file, what, bool(closing)))
        return self.rows[-1]

    def read_tshark(self):
        seen = collections.Counter()
        for of, r in self.tables["tshark.tsv"]:
            file = f"{of}/{r['file']}"
            a, b = name(r["a_ip"], r["a_port"]), name(r["b_ip"], r["b_port"])
            key = key_of(file, a, b)
            place = (key, seen[key])
            seen[key] += 1
            for field in ("fin_a", "fin_b", "rst_a", "rst_b", "finack_a", "finack_b"):
                r[field] = int(r[field] or 0)
            ends = {"a": a, "b": b}
            self.streams[file, r["stream"]] = place
            self.streams_in[file] += 1
            self.tshark[place] = {
                "of": of, "file": file, "row": r, "a": a, "b": b,
                "both_acked": r["finack_a"] and r["finack_b"],
                "two_fins": r["fin_a"] and r["fin_b"],
                "reset_late": int(r["rst_after_fin"] or 0),
                "first_rst": ends.get(r["first_rst"], ""),
                "first_fin": ends.get(r["first_fin"], "-"),
                "fins": r["fin_a"] + r["fin_b"],
                "saw_close": r["fin_a"] + r["fin_b"] + r["rst_a"] + r["rst_b"] > 0,
            }  # fmt: skip
        self.tshark_per_tuple = seen

    # ---- tshark ----

    def compare_tshark(self):
        for place, t in self.tshark.items():
            if t["of"] == "packetdrill":
                continue
            r, a, b, file = t["row"], t["a"], t["b"], t["file"]
            row = self.begin(t["of"], file, f"tshark {r['stream']}", t["saw_close"])
            n = len(self.ours.connections.get(place[0], []))
            if file in self.ours.unread:
                row.silent(self.ours.unread[file])
                continue
            if n != self.tshark_per_tuple[place[0]]:
                row.silent(apart(n, "tshark"))
                continue
            c = self.ours.find(place)
            fins = c.by_name[a].fins + c.by_name[b].fins
            row.check("first_fin", side_of(c.named(c.first_fin), a, b), r["first_fin"])
            if self.ours.copies[file] > 0 and fins < r["fin_a"] + r["fin_b"]:
                row.silent("tshark counts copies of one packet")
            else:
                row.check("fins", c.per_side("fins", a), f"{r['fin_a']}/{r['fin_b']}")
            row.check("first_rst", side_of(c.named(c.first_rst), a, b), r["first_rst"])
            row.check("rsts", c.per_side("rsts", a), f"{r['rst_a']}/{r['rst_b']}")
            self.check_fin_acked(row, "fin_acked_a", c, a, r["fin_a"], r["finack_a"])
            self.check_fin_acked(row, "fin_acked_b", c, b, r["fin_b"], r["finack_b"])
            if r["simul"] != "-":
                row.check("crossed", c.crossed, r["simul"])

    @staticmethod
    def check_fin_acked(row, field, c, me, fins, they):
        """tshark lets the number in an RST acknowledge a FIN; RFC 9293 3.10.7.4 looks at the RST first."""
        if not fins:
            return
        we = bool(c.is_fin_acked(me))
        if they and not we and c.by_name[c.other(me)].rst_has_ack:
            row.silent("tshark takes the number in an RST for an ACK of the FIN")
        else:
            row.check(field, we, they)

    # ---- Zeek ----

    def compare_zeek(self):
        rows = [(of, r) for of, r in self.tables["zeek.tsv"] if r["file"] != "file"]
        starts = collections.defaultdict(list)
        for of, r in rows:
            r["x"], r["y"] = name(r["orig_h"], r["orig_p"]), name(r["resp_h"], r["resp_p"])
            r["key"] = key_of(f"{of}/{r['file']}", r["x"], r["y"])
            starts[r["key"]].append(float(r["ts"]))
        for of, r in rows:
            before = sum(ts < float(r["ts"]) for ts in starts[r["key"]])
            self.compare_zeek_row(of, r, before, len(starts[r["key"]]))

    def compare_zeek_row(self, of, r, before, n_theirs):
        file, x, y, s, h = r["key"][0], r["x"], r["y"], r["conn_state"], r["history"]
        row = self.begin(
            of, file, f"zeek {x} {before + 1}", s not in ("S0", "S1") and re.search("[FfRr]", h)
        )
        n = len(self.ours.connections.get(r["key"], []))
        if file in self.ours.unread:
            row.silent(self.ours.unread[file])
            return
        if n != n_theirs:
            row.silent(apart(n, "zeek"))
            return
        place = (r["key"], before)
        c, t = self.ours.find(place), self.tshark.get(place, {})
        self.check_zeek_state(row, c, t, s, h, x, y)
        first = re.search("[Ff]", h)
        fin_by = "-" if not first else x if first[0] == "F" else y
        if t and t["first_fin"] != fin_by:
            row.silent("zeek and tshark disagree on the first FIN")
        elif h != "-":
            row.check("first_fin", side_of(c.named(c.first_fin), x, y), side_of(fin_by, x, y))

    @staticmethod
    def check_zeek_state(row, c, t, s, h, x, y):
        first_rst = t.get("first_rst", "")
        if s in ("S0", "S1"):
            row.check("conn_state", c.ending, "open")
        elif s == "REJ":
            row.check("conn_state", c.ending, "refused")
        elif s == "SF":
            if t.get("two_fins") and not t.get("both_acked"):
                row.silent("zeek: SF, tshark: a FIN not acknowledged")
            else:
                row.check("conn_state", "SF" if is_closed(c.ending) else c.ending, "SF")
        elif s in ("S2", "S3"):
            if t.get("two_fins"):
                row.silent("zeek: one FIN, tshark: two")
            elif re.match("unfinished-(fin|close)", c.ending):
                closer = side_of(c.named(c.first_fin), x, y)
                row.check("conn_state", closer, "a" if s == "S2" else "b")
            else:
                row.check("conn_state", c.ending, s)
        elif s in ("RSTO", "RSTR"):
            by = x if s == "RSTO" else y
            if t.get("both_acked") and t.get("reset_late"):
                row.silent("zeek: an RST after both FINs overrides")
            elif first_rst and first_rst != by:
                row.silent("zeek names the last RST, tshark the first")
            elif c.ending == "reset":
                we = side_of(c.named(c.effective_rst), x, y)
                row.check("conn_state", f"RST by {we}", f"RST by {side_of(by, x, y)}")
            else:
                row.check("conn_state", c.ending, s)
        elif first_rst and not re.search("[Rr]", h):
            row.silent("zeek: no RST, tshark: one")
        else:
            we = f"{int(c.by_name[x].rsts > 0)}/{int(c.by_name[y].rsts > 0)}"
            row.check("rst", we, f"{int('R' in h)}/{int('r' in h)}")

    # ---- Suricata ----

    def compare_suricata(self):
        seen = set()
        for of, r in self.tables["suricata.tsv"]:
            if tuple(r.values()) in seen:
                continue
            seen.add(tuple(r.values()))
            file, tcp_state = f"{of}/{r['file']}", r["tcp_state"]
            place, x, y = None, "-", "-"
            if r["src_ip"]:
                x, y = name(r["src_ip"], r["src_port"]), name(r["dest_ip"], r["dest_port"])
                place = (key_of(file, x, y), 0)
            elif self.streams_in[file] == 1:
                place = self.streams[file, "0"]
            closing = tcp_state not in ("established", "syn_sent")
            row = self.begin(of, file, f"suricata {x}", closing)
            c = self.ours.find(place)
            if not tcp_state:
                row.silent("suricata: no tcp_state")
            elif place is None:
                row.silent("suricata: no tuple and several connections")
            elif c is None:
                row.silent("no such connection")
            else:
                early = not closing and self.tshark.get(place, {}).get("saw_close")
                if early:
                    row.silent("suricata logged the flow before the FIN or RST that tshark sees")
                else:
                    row.check("tcp_state", self.suricata_state(c), tcp_state)
                if r["src_ip"] and r["flags_to_server"]:
                    we = f"{self.fin_rst(c, x)} {self.fin_rst(c, y)}"
                    they = f"{self.bits(r['flags_to_server'])} {self.bits(r['flags_to_client'])}"
                    row.check("fin_rst_flags", we, they)

    @staticmethod
    def suricata_state(c):
        if is_closed(c.ending) or c.ending in ("reset", "refused"):
            return "closed"
        if c.ending == "unfinished-last-ack":
            return "last_ack"
        if c.ending.startswith("unfinished"):
            if c.first_fin == "client":
                return "close_wait"
            return "fin_wait2" if "close-wait" in c.ending else "fin_wait1"
        return "syn_sent" if c.state[c.name["client"]] == "SYN_SENT" else "established"

    @staticmethod
    def fin_rst(c, me):
        return ("F" if c.by_name[me].fins else "") + ("R" if c.by_name[me].rsts else "")

    @staticmethod
    def bits(text):
        flags = int(text or "0", 16)
        return ("F" if flags & 1 else "") + ("R" if flags & 4 else "")

    # ---- packetdrill ----

    @staticmethod
    def local_of(c):
        return next((n for n in c.name.values()
                     if n.startswith(("192.168.0.1:", "[fd3d:a0b:17d6::1]:"))), "")  # fmt: skip

    @staticmethod
    def kernel_path(text):
        """The kernel's path from ESTABLISHED on, without its last CLOSE: that is the end, the hand-over
        to TIME_WAIT, or what packetdrill did after the capture."""
        path = [""] + text.replace("_", "").split(">")
        for i in range(len(path) - 1, 0, -1):
            if path[i].startswith(("ESTABLISHED", "SYNRECV", "SYNSENT", "LISTEN")):
                path = path[i + 1 :]
                break
        path = [p for p in path if p]
        path = [p for i, p in enumerate(path)
                if i == 0 or p != path[i - 1] or p == "CLOSE"]  # fmt: skip
        if path[-1:] == ["CLOSE"]:
            path.pop()
        return ">".join(path) or "-"

    @staticmethod
    def our_path(c, me):
        path = ">".join(c.by_name[me].path)
        path = re.sub(r"(^|>)TIMEWAIT(>CLOSED)?$", "", path)
        return re.sub(r"(^|>)CLOSED$", "", path) or "-"

    def check_kernel(self, row, c, text):
        me = self.local_of(c)
        before = self.kernel_path(text)
        row.check("kernel_path", self.our_path(c, me), before)
        if re.search("(FINWAIT2|CLOSING)$", before) or not text.endswith(">CLOSE"):
            return
        rsts = sum(side.rsts for side in c.sides.values())
        if c.state[me] == "LAST_ACK" and c.old_ack:
            row.silent("the final ACK is too old to count: the RST after the script's end closed it")
        elif c.state[me] != "CLOSED" and c.effective_rst is None and rsts > 0:
            row.check("kernel_end", c.state[me], "CLOSED")

    def check_fins(self, row, c, me, place, r, path):
        """answers.tsv leaves out what followed the end of the script, the kernel column does not; and it
        counts a FIN that the kernel dropped in SYN_SENT."""
        if re.search("FIN_WAIT1|LAST_ACK", path) and r["fin_L"] == 0:
            row.silent("answers.tsv: the kernel closed after the script's end")
        elif self.tshark[place]["fins"] < r["fin_L"] + r["fin_R"]:
            row.silent("answers.tsv counts a FIN that is not in the capture")
        elif row.file in self.dropped:
            row.silent("answers.tsv counts a FIN that discriminating.tsv says was dropped")
        else:
            first = c.named(c.first_fin)
            who = "-" if first == "-" else "local" if first == me else "remote"
            row.check("first_fin", who, r["first_fin"])
            they = f"{r['fin_L'] + r['refin_L']}/{r['fin_R'] + r['refin_R']}"
            row.check("fins", c.per_side("fins", me), they)

    def compare_answers(self):
        for _, r in self.tables["answers.tsv"]:
            for field in ("streams", "fin_L", "fin_R", "refin_L", "refin_R", "rst_L", "rst_R"):
                r[field] = int(r[field] or 0)
            file = f"packetdrill/{r['file']}"
            paths = r["kernel_local_states"].split(" || ") if r["kernel_local_states"] else []
            # tshark takes a stray SYN for another stream; the kernel and we do not.
            alone = len(paths) == 1 and self.ours.per_file[file] == 1
            if r["streams"] == 1 or alone:
                self.compare_answer(r, file, paths)
                continue
            for i in range(r["streams"]):
                c = self.ours.find(self.streams.get((file, str(i))))
                row = self.begin("packetdrill", file, str(i), c is not None and c.sent_close())
                if len(paths) != r["streams"]:
                    row.silent("the kernel saw another number of connections than the wire")
                elif c is None:
                    row.silent("no such connection")
                else:
                    self.check_kernel(row, c, paths[i])

    def compare_answer(self, r, file, paths):
        row = self.begin("packetdrill", file, "0", r["fin_L"] + r["fin_R"] + r["rst_L"] + r["rst_R"])
        place = self.streams.get((file, "0"))
        c = self.ours.find(place)
        if c is None:
            row.silent("no such connection")
            return
        if self.ours.per_file[file] != 1:
            row.silent("one stream there, several connections here")
            return
        me, path = self.local_of(c), paths[0] if paths else ""
        self.check_fins(row, c, me, place, r, path)
        row.check("fins_again", c.per_side("again", me), f"{r['refin_L']}/{r['refin_R']}")
        if re.search("(ESTABLISHED|CLOSE_WAIT|FIN_WAIT1)>CLOSE$", path) and not r["rst_L"] + r["rst_R"]:
            row.silent("answers.tsv: the kernel sent an RST after the script's end")
        else:
            row.check("rsts", c.per_side("rsts", me), f"{r['rst_L']}/{r['rst_R']}")
        if r["simultaneous"] != "-" and file not in self.dropped:
            row.check("crossed", "yes" if c.crossed else "no", r["simultaneous"])
        if len(paths) == 1:
            self.check_kernel(row, c, path)

    def compare_discriminating(self):
        for _, r in self.tables["discriminating.tsv"]:
            file, text = list(r.values())[:2]
            file = f"packetdrill/{file}"
            row = self.begin("packetdrill/discriminating", file, "0", True)
            c = self.ours.find(self.streams.get((file, "0")))
            if file not in self.ours.status:
                row.silent("the capture is not in the corpus")
            elif c is None:
                row.silent("no such connection")
            else:
                self.check_labels(row, c, text)

    def check_labels(self, row, c, text):
        me = self.local_of(c)
        side, rst_by = c.by_name[me], c.named(c.effective_rst)
        closing = "CLOSING" if "CLOSING" in side.path else "not CLOSING"
        if "RST accepted" in text:
            # A LAST_ACK that ends proves nothing about the RST when the final ACK is there too.
            if c.is_fin_acked(me) and "LASTACK" in side.path:
                row.silent("either the RST or the final ACK ended LAST_ACK")
            elif c.old_ack and "LASTACK" in side.path:
                row.silent("the final ACK is too old to count: the RST after the script's end closed it")
            else:
                row.check("rst", "ignored" if rst_by == "-" else "accepted", "accepted")
        if "ignored it" in text:
            row.check("rst", "accepted" if rst_by == c.other(me) else "ignored", "ignored")
        if re.search("(^|; )CLOSING", text):
            row.check("path", closing, "CLOSING")
        if "not CLOSING" in text:
            row.check("path", closing, "not CLOSING")
        if "SYN-SENT ignored" in text:
            row.check("fin", "ignored" if c.named(c.first_fin) == me else "counted", "ignored")
        if "unacceptable ACK" in text:
            got = {"CLOSEWAIT", "CLOSING", "TIMEWAIT"} & set(side.path)
            row.check("fin", "counted" if got else "ignored", "ignored")
        again = re.search("FIN retransmitted ([0-9]+/[0-9]+)", text)
        if again:
            row.check("fins_again", c.per_side("again", me), again[1])


# ---- TAP -------------------------------------------------------------------------------------


def read_explained(path):
    """The rows of the table of explained differences: file, row, field, ours, theirs."""
    with open(path, encoding="utf-8") as page:
        cells = [re.split(r" *\| *", line.strip()) for line in page]
    return {tuple(c[1:6]) for c in cells if len(c) == 8 and "/" in c[1]}


def percent(good, bad):
    return 100 * good / (good + bad) if good + bad else 100


def report_test(number, test, rows, explained, broken):
    """Prints it. Whether it passed."""
    if not rows:
        print(f"ok {number} - {test} # SKIP not in this corpus")
        return True
    compared = [row for row in rows if row.fields]
    bad = [row for row in compared if row.differences]
    closing = [row for row in compared if row.closing]
    closing_bad = [row for row in closing if row.differences]
    differences = [d for row in bad for d in row.differences]
    good, closing_good = len(compared) - len(bad), len(closing) - len(closing_bad)
    passed = (
        bool(compared)
        and percent(good, len(bad)) >= 99
        and percent(closing_good, len(closing_bad)) >= 99
        and all(d in explained for d in differences)
        and not broken
    )
    print(f"{'ok' if passed else 'not ok'} {number} - {test}")
    print(f"# agreed {good}, differs {len(bad)}, not comparable {len(rows) - len(compared)} "
          f"(closing: agreed {closing_good}, differs {len(closing_bad)})")  # fmt: skip
    reasons = collections.Counter(row.reason for row in rows if not row.fields)
    for reason, n in sorted(reasons.items()):
        print(f"#   not comparable, {n}: {reason}")
    for d in differences:
        print(f"#   {' | '.join(d)} |{' explained' if d in explained else ''}")
    return passed


def main():
    explained = read_explained(sys.argv[1])
    tables = collections.defaultdict(list)  # by the table's name: (folder, row)
    for path in sys.argv[2:]:
        folder, table = path.split("/")[-2:]
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE, restval=""):
                tables[table].append((folder, row))
    ours = Ours()
    ours.read(sys.stdin)
    comparison = Comparison(ours, tables)
    comparison.compare_tshark()
    comparison.compare_zeek()
    comparison.compare_suricata()
    comparison.compare_answers()
    comparison.compare_discriminating()

    for line in ours.broken:
        print(line)
    print(f"1..{len(TESTS)}")
    passed = True
    for number, test in enumerate(TESTS, 1):
        rows = [row for row in comparison.rows if row.test == test]
        passed &= report_test(number, test, rows, explained, ours.broken)
    compared = [row for row in comparison.rows if row.fields]
    bad = sum(bool(row.differences) for row in compared)
    print(f"# total: agreed {len(compared) - bad}, differs {bad}, "
          f"not comparable {len(comparison.rows) - len(compared)}")  # fmt: skip
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
