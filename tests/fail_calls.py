#!/usr/bin/env python3
"""Lets each call fail, one at a time, at every place that makes it (fail_calls.c), and sees what the
programs make of that: no crash, no hang, no report of a sanitizer, and no result that differs from
the right one beside the right exit status. Prints TAP.

Usage: fail_calls.py [--first N] [--every N] CASE...
  --first N   of each place the first N calls (default 2)
  --every N   of those, every Nth alone
"""
import argparse
import gzip
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
BIN = Path(os.environ.get("TEARDOWN_BIN", TESTS.parent / "build/san"))
PRELOADED = TESTS.parent / "build/tests/fail_calls.so"
GOLDEN = TESTS / "golden"
PORT = "7000"
PATIENCE_S = 60
LINE = re.compile(r"[0-9:.]+ (server|client) +\S+ +")


def environment(**more):
    asan = os.environ.get("ASAN_OPTIONS", "exitcode=99")
    return dict(os.environ, LD_PRELOAD=str(PRELOADED), LC_ALL="C",
                ASAN_OPTIONS=asan + ":verify_asan_link_order=0", **more)


class Run:
    """One run of the program under test in a folder of its own."""

    def __init__(self, case, folder, fail=None, sites=None):
        self.folder, self.hangs, self.others = folder, False, ()
        more = {"FAIL_CALL": fail} if fail else {}
        fds = ()
        if sites is not None:
            more["FAIL_CALLS_FD"] = str(sites.fileno())
            fds = (sites.fileno(),)
        self.env, self.fds = environment(**more), fds
        case(self)
        self.stderr = (folder / "stderr").read_text(errors="replace")

    def start(self, *command):
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            return subprocess.Popen([str(w) for w in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    env=self.env, pass_fds=self.fds, cwd=self.folder)

    def end(self, program, patience_s=PATIENCE_S):
        try:
            self.status = program.wait(patience_s)
        except subprocess.TimeoutExpired:
            program.kill()
            self.status, self.hangs = program.wait(), True

    def results(self):
        """What the run has said and written."""
        return {p.name: normal(p) for p in sorted(self.folder.iterdir()) if p.name != "stderr"}


def normal(path):
    """Without what differs from run to run: times, ports, and the order of two ends' turns. An address that
    the system does not tell is "?"."""
    octets = path.read_bytes()
    text = octets.decode("latin-1")
    if LINE.match(text):
        return sorted(re.sub(r"127\.0\.0\.1:\d+", "?", LINE.sub("", line)) for line in text.splitlines())
    return octets


def offline(*options):
    def case(run):
        run.end(run.start(BIN / "capture", *options))
    case.strict = True
    return case


def other(run, program, *words):
    return subprocess.Popen([str(BIN / program), *words], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def await_listener(program):
    while program.poll() is None:
        if subprocess.run(["ss", "-Hltn", f"sport = :{PORT}"], capture_output=True, check=True).stdout:
            return


def finish(program, patience_s=PATIENCE_S):
    try:
        program.wait(patience_s)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def serving(*options):
    def case(run):
        program = run.start(BIN / "server", "-p", PORT, "-l", "127.0.0.1", "--count", "2", "--close-delay", "10", *options)
        await_listener(program)
        clients = [other(run, "client", "--close-after", "10", "127.0.0.1", PORT) for _ in range(2)]
        for client in clients:
            finish(client, 10)
        try: # a connection that failed is not counted: then the server waits for another
            program.wait(0.2)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGTERM)
        run.end(program)
    case.strict = False # what became of a connection stands in the log
    return case


def calling(*options):
    def case(run):
        peer = other(run, "server", "-q", "-p", PORT, "-l", "127.0.0.1", "--close-delay", "10")
        await_listener(peer)
        run.end(run.start(BIN / "client", "--close-after", "10", *options, "127.0.0.1", PORT))
        peer.terminate()
        finish(peer)
    case.strict = True
    return case


def packed(run):
    run.folder.chmod(0o777) # --metrics puts a file into it as nobody
    (run.folder / "in.gz").write_bytes(gzip.compress(FILE.read_bytes(), mtime=0))
    run.end(run.start(BIN / "capture", "-r", "in.gz", "--format", "ladder", "--rows", "rows", "--metrics", "metrics",
                      "-w", "saved.pcapng"))


packed.strict = True


def live(run):
    program = run.start(BIN / "capture", "-i", "lo", "--closes", "1", "--duration", "5", "-q", "--json", "json",
                        "-w", "saved", f"tcp port {PORT}")
    peer = other(run, "server", "-q", "-p", PORT, "-l", "127.0.0.1", "--close-delay", "10", "--count", "1")
    await_listener(peer)
    # --duration ends it where nothing was seen; it may have failed before it captures.
    for _ in range(500):
        said = (run.folder / "json")
        if program.poll() is not None or (said.exists() and said.stat().st_size) or \
                "listening" in (run.folder / "stderr").read_text(errors="replace"):
            break
        try:
            program.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    finish(other(run, "client", "--close-after", "10", "127.0.0.1", PORT), 10)
    run.end(program)
    peer.terminate()
    finish(peer)


live.strict = False # its verdict must be there: see judge()

# Crashes of the libraries themselves when their own calls fail (glibc 2.36, libuv 1.44, libpcap 1.10): glibc's
# users' data base asserts; libuv aborts where it has no way to say that its signal pipe or its list
# of handles failed; libseccomp frees twice what it could not make larger.
LIBRARIES_OWN = {("malloc", "libc.so.6"), ("pipe2", "libuv.so.1"), ("write", "libuv.so.1"), ("realloc", "libuv.so.1"),
                 ("calloc", "libpcap.so.0.8"), ("realloc", "libseccomp.so.2")}
CRASH = re.compile(r"AddressSanitizer: (SEGV|attempting double-free)")
# Where getsockopt() fails, libuv makes up a number, and uv_strerror() leaks the text that it makes of that.
LIBRARIES_LEAK = {("getsockopt", "libuv.so.1")}

FILE = GOLDEN / "lost-final-ack.pcap"
CASES = {
    "lines": offline("-r", FILE),
    "filtered": offline("-r", FILE, "--format", "ladder", "tcp", "port", "7000"),
    "json": offline("-r", FILE, "--format", "json"),
    "files": offline("-r", FILE, "-q", "--json", "json", "--html", "html", "--svg", "svg", "--mermaid", "mermaid",
                     "-w", "saved"),
    "pair": offline("-r", TESTS / "two_taps/recorded/far.pcap", "-r", TESTS / "two_taps/recorded/near.pcap"),
    "list": offline("-D"),
    "packed": packed,
    "worksheet": offline("-r", FILE, "--worksheet"),
    "server": serving(),
    "server-options": serving("--send", "2000", "--write-size", "500", "--cork", "--no-quickack", "--drain", "10"),
    "client": calling("--close", "shutdown"),
    "client-options": calling("-b", "7100", "--nodelay", "--quickack", "--close", "reset"),
    "live": live,
}
CALLED = re.compile(r"^\s*([0-9a-f]+):.*\bcall\s.*<(\w+)@plt>")


def static_sites(program, names):
    """Where the program itself calls one of these: the addresses behind the calls."""
    said = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(BIN / program)], capture_output=True, text=True,
                          check=True).stdout
    behind, found = None, set()
    for line in said.splitlines():
        address = re.match(r"^\s*([0-9a-f]+):", line)
        if address and behind:
            found.add(int(address[1], 16))
            behind = None
        call = CALLED.match(line)
        if call and call[2] in names:
            behind = True
    return found


def judge(case, run, right):
    """What is wrong with it, or None."""
    if run.hangs:
        return "it hangs"
    if run.status == 99 or "ERROR: AddressSanitizer" in run.stderr or "runtime error" in run.stderr \
            or "LeakSanitizer" in run.stderr:
        return "a sanitizer reports"
    if run.status < 0:
        return f"signal {-run.status}"
    if run.status != right.status:
        return None if run.stderr.strip() or run.status == 141 else f"status {run.status}, and nothing said"
    if case.strict and run.results() != right.results():
        different = [n for n, r in right.results().items() if run.results().get(n) != r]
        return f"status {run.status}, but not the right result: {different}"
    lacks = set(right.stderr.splitlines()) - set(run.stderr.splitlines())
    if case.strict and lacks:
        return f"status {run.status}, and not said: {lacks}"
    if case is live and '"type":"verdict"' not in str(run.results().get("json")):
        return f"status {run.status}, but no verdict"
    return None


def try_case(name, options, scratch):
    case, wrong, n = CASES[name], [], 0

    def folder():
        return Path(tempfile.mkdtemp(dir=scratch))

    right = Run(case, folder())
    if right.status != 0:
        return [f"it ends with {right.status} by itself: {right.stderr}"], 0, set()
    with tempfile.TemporaryFile() as sites:
        Run(case, folder(), sites=sites)
        sites.seek(0)
        places = [line.split() for line in sites.read().decode().splitlines()]
    if not places:
        return ["no call was seen"], 0, set()
    calls, covered = [], set()
    for function, ordinal, place in places:
        if "asan" in place or "ld-linux" in place:
            continue
        calls += [(function, int(ordinal) + i, place) for i in range(options.first)]
    for function, ordinal, place in calls[::options.every]:
        run = Run(case, folder(), fail=f"{function}:{ordinal}")
        n += 1
        covered.add(place)
        problem = judge(case, run, right)
        crashed = run.status in (-6, -11) or (run.status == 99 and CRASH.search(run.stderr))
        who = function, Path(place).name.rsplit("+", 1)[0]
        if crashed and who in LIBRARIES_OWN or "LeakSanitizer" in run.stderr and who in LIBRARIES_LEAK:
            print(f"# {name}: {function} #{ordinal} at {place}: the library ends the program by {problem}")
        elif problem:
            wrong.append(f"{function} #{ordinal} at {place}: {problem}\n{run.stderr[-1500:]}")
    return wrong, n, covered


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=2)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    cases = options.cases or list(CASES)
    names = set(re.findall(r"^FAILING\((\w+)", (TESTS / "fail_calls.c").read_text(), re.M))
    print(f"1..{len(cases)}", flush=True)
    reached, failed = {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, name in enumerate(cases, 1):
            wrong, n, covered = try_case(name, options, scratch)
            for place in covered:
                module, offset = place.rsplit("+", 1)
                reached.setdefault(Path(module).name, set()).add(int(offset, 16))
            failed += bool(wrong)
            for text in wrong:
                print("# " + text.rstrip().replace("\n", "\n#   "))
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}: {n} calls failed, one at a time", flush=True)
    for program in ("capture", "server", "client"):
        if program in reached:
            sites = static_sites(program, names)
            print(f"# {program}: {len(reached.pop(program) & sites)} of its {len(sites)} places, by these cases")
    for module, places in sorted(reached.items()):
        print(f"# {module}: {len(places)} places")
    sys.exit(failed > 0)


main()
