"""The runs in which tests/fail_calls.py lets calls fail: CASES, by name. A case takes a Run, starts the program
under test in it and ends it; between them they are to reach every place that calls something."""
import ctypes
import fcntl
import gzip
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
BIN = Path(os.environ.get("TEARDOWN_BIN", TESTS.parent / "build/san"))
PRELOADED = TESTS.parent / "build/tests/fail_calls.so"
GOLDEN = TESTS / "golden"
PORT = "7000"
PATIENCE_S = 60
STOPPED = object()
NOT_KNOWN = "whether anything is unread is not known" # what the log owns to
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

    def start(self, *command, stdin=subprocess.DEVNULL, terminal=None, **more):
        with open(self.folder / "stdout", "wb") as out, open(self.folder / "stderr", "wb") as err:
            return subprocess.Popen([str(w) for w in command], stdin=stdin if terminal is None else terminal,
                                    stdout=out if terminal is None else terminal, stderr=err, env=self.env,
                                    pass_fds=self.fds, cwd=self.folder, **more)

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
        return sorted(re.sub(r"(127\.0\.0\.1|\[::1\]):\d+", "?", LINE.sub("", line)) for line in text.splitlines())
    return octets


def is_case(strict, status=0, is_slow=False):
    """Strict: its results are the same each time. The status is the one without a fault. Slow: of what the cases
    before it have let fail nothing fails again."""
    def mark(case):
        case.strict, case.status, case.is_slow = strict, status, is_slow
        return case
    return mark


def offline(*options, status=0):
    @is_case(True, status)
    def case(run):
        run.end(run.start(BIN / "capture", *options))
    return case


def without_stdin(program, *options):
    @is_case(True)
    def case(run):
        run.end(run.start(BIN / program, *options, preexec_fn=lambda: os.close(0)))
    return case


def fed(octets, *options, strict=True):
    """By a pipe, in two pieces with a pause between them."""
    @is_case(strict)
    def case(run):
        program = run.start(BIN / "capture", *options, stdin=subprocess.PIPE)
        try:
            for part in octets[:30], octets[30:]:
                program.stdin.write(part)
                program.stdin.flush()
                time.sleep(0.05)
            program.stdin.close()
        except BrokenPipeError:
            pass
        run.end(program)
    return case


def made(octets, *options):
    """Of a file of those octets."""
    @is_case(True)
    def case(run):
        (run.folder / "in").write_bytes(octets)
        run.end(run.start(BIN / "capture", "-r", "in", *options))
    return case


def renamed(octets):
    """The packets of FILE as UDP and ESP in turns."""
    to, at, number = bytearray(octets), 24, 0
    while at < len(to):
        size = int.from_bytes(to[at + 8:at + 12], "little")
        to[at + 16 + 14 + 9] = (17, 50)[number % 2]
        at, number = at + 16 + size, number + 1
    return bytes(to)


def large(octets):
    """With the longest packet that is read."""
    size = 262144
    return octets + octets[24:32] + size.to_bytes(4, "little") * 2 + octets[40:40 + 54] + bytes(size - 54)


def expected(run):
    subprocess.run([BIN / "capture", "-r", FILE, "-qq", "--rows", run.folder / "rows", "-w", run.folder / "in.pcapng"],
                   stderr=subprocess.DEVNULL, check=True)
    run.end(run.start(BIN / "capture", "-r", "in.pcapng", "--expect-ladder", "rows"))


is_case(True)(expected)


def rotated(run):
    run.folder.chmod(0o777)
    part = run.folder / "json.part" # as of a run that was killed
    part.write_text('{"li')
    part.chmod(0o666)
    run.end(run.start(BIN / "capture", "-r", FILE, "-qq", "--json", "json", "--rotate", "60", "--roll-up", "60",
                      "--host-name", "here", "--segments", "close"))


is_case(False)(rotated) # a run has a name of its own


def inherited(run):
    with open(FILE, "rb") as source, open(run.folder / "json", "wb") as to:
        run.fds += (to.fileno(),)
        run.end(run.start(BIN / "capture", "-r", "/dev/fd/0", "--json", f"/dev/fd/{to.fileno()}", stdin=source))


is_case(True)(inherited)


def at_terminal(keys, *options):
    """At a terminal, by those keys, stopped once, and then q until it ends."""
    def case(run):
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
        program = run.start(BIN / "capture", *options, terminal=slave, process_group=0)
        os.close(slave)
        typed, until = list(keys), time.monotonic() + PATIENCE_S
        while program.poll() is None and time.monotonic() < until:
            if select.select([master], [], [], 0.02)[0]:
                try:
                    os.read(master, 65536)
                except OSError: # it has closed the terminal
                    pass
                continue
            key = typed.pop(0) if typed else "q"
            if key == STOPPED:
                program.send_signal(signal.SIGTSTP)
                time.sleep(0.05)
            else:
                os.write(master, key.encode())
            if re.search(r"\) T ", Path(f"/proc/{program.pid}/stat").read_text()):
                program.send_signal(signal.SIGCONT)
        run.end(program, 0)
        os.close(master)
    return is_case(False)(case)


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


def serving(*options, address="127.0.0.1"):
    def case(run):
        first, last = ("--close-after", "10"), ("--close-delay", "10")
        ours, theirs = (first, ("--close-last", *last)) if "--close-first" in options else (last, first)
        program = run.start(BIN / "server", "-p", PORT, "-l", address, "--count", "2", *ours, *options)
        await_listener(program)
        clients = [other(run, "client", *theirs, address, PORT) for _ in range(2)]
        for client in clients:
            finish(client, 10)
        try: # a connection that failed is not counted: then the server waits for another
            program.wait(0.2)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGTERM)
        run.end(program)
    return is_case(False)(case) # what became of a connection stands in the log


def calling(*options, address="127.0.0.1", peer_options=()):
    def case(run):
        peer = other(run, "server", "-q", "-p", PORT, "-l", address, "--close-delay", "10", *peer_options)
        await_listener(peer)
        run.end(run.start(BIN / "client", "--close-after", "10", *options, address, PORT))
        peer.terminate()
        finish(peer)
    return is_case(True)(case)


def from_many(run):
    """More connections than there are ports for: from several addresses of the loopback network."""
    range_file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    before = range_file.read_text()
    range_file.write_text("40000 40007")
    calling("--count", "12", "--close", "reset")(run) # without TIME_WAIT, which would use up the ports
    range_file.write_text(before)


is_case(False)(from_many)


def by_sudo(uid):
    """Files are opened as whoever called sudo; not everybody has a name."""
    @is_case(True)
    def case(run):
        run.folder.chmod(0o777)
        (run.folder / "in").write_bytes(OCTETS)
        run.env |= {"SUDO_UID": str(uid), "SUDO_GID": str(uid)}
        run.end(run.start(BIN / "capture", "-r", "in", "-w", "saved"))
    return case


def packed(run):
    run.folder.chmod(0o777) # --metrics puts a file into it as nobody
    (run.folder / "metrics.part").touch() # as of a run that was killed
    (run.folder / "in.gz").write_bytes(gzip.compress(FILE.read_bytes(), mtime=0))
    run.end(run.start(BIN / "capture", "-r", "in.gz", "--format", "ladder", "--rows", "rows", "--metrics", "metrics",
                      "-w", "saved.pcapng"))


is_case(True)(packed)


def watching(run, *options, client="client", peer_options=("--close-delay", "10", "--count", "1")):
    """One close that is watched live."""
    run.folder.chmod(0o777)
    program = run.start(BIN / "capture", "-i", "lo", "--duration", "5", "--json", "json", *options, f"tcp port {PORT}")
    peer = other(run, "server", "-q", "-p", PORT, "-l", "127.0.0.1", *peer_options)
    await_listener(peer)
    # --duration ends it where nothing was seen; it may have failed before it captures.
    for _ in range(500):
        if program.poll() is not None or any(said.stat().st_size for said in run.folder.glob("json*")) or \
                "listening" in (run.folder / "stderr").read_text(errors="replace"):
            break
        try:
            program.wait(0.02)
        except subprocess.TimeoutExpired:
            pass
    finish(other(run, client, "--close-after", "10", "127.0.0.1", PORT), 10)
    run.end(program)
    peer.terminate()
    finish(peer)


# Its verdict must be there: see judge().
@is_case(False)
def live(run):
    watching(run, "--closes", "1", "-q", "-w", "saved")


@is_case(False, is_slow=True)
def live_outputs(run):
    """Closed by a program whose name has what SVG escapes."""
    margin, client = run.folder / "margin", run.folder / '<&">'
    margin.write_text("10:00:00.000000 client 127.0.0.1:40000  uv_close(): we send FIN first\n")
    shutil.copy(BIN / "client", client)
    with open(margin, "rb") as lines:
        run.fds += (lines.fileno(),)
        watching(run, "--closes", "1", "--format", "ladder", "--kernel", "lines", "--margin", f"/dev/fd/{lines.fileno()}",
                 "--metrics", "metrics", "-w", "saved.pcapng", "--svg", "svg", client=client)
    client.unlink()


@is_case(False, 1, is_slow=True)
def stuck(run):
    """CLOSE_WAIT, whose holder is looked for."""
    watching(run, "--stuck-after", "2", "--duration", "3", "--rotate", "1", peer_options=("--never-close",))


def forbidden(run):
    """Without CAP_NET_RAW, which even root then lacks."""
    def drop():
        ctypes.CDLL(None).prctl(24, 13, 0, 0, 0) # PR_CAPBSET_DROP
    run.end(run.start(BIN / "capture", "-i", "lo", preexec_fn=drop))


is_case(True, 2)(forbidden)


@is_case(False, is_slow=True)
def table(run):
    beside_table(run, at_terminal(["k", "w", "saved\n", "\n", "\x1b", STOPPED], "-i", "lo", "--duration", "5", "--format", "table"))


@is_case(False, is_slow=True)
def screen(run):
    beside_table(run, at_terminal(["l", STOPPED], "-i", "lo", "--duration", "5"))


def beside_table(run, case):
    """Four connections that are open together, and one that is there before."""
    peer = other(run, "server", "-q", "-p", PORT, "-l", "127.0.0.1")
    await_listener(peer)
    finish(other(run, "client", "-q", "--close-after", "10", "127.0.0.1", PORT)) # it leaves a TIME_WAIT
    clients = [other(run, "client", "-q", "--count", "1000", "--parallel", "4", "--close-after", "300", "127.0.0.1", PORT)]
    case(run)
    for program in (*clients, peer):
        program.terminate()
        finish(program)


FILE = GOLDEN / "lost-final-ack.pcap"
OCTETS = FILE.read_bytes()
FAR, NEAR = TESTS / "two_taps/recorded/far.pcap", TESTS / "two_taps/recorded/near.pcap"
CASES = {
    "lines": offline("-r", FILE),
    "filtered": offline("-r", FILE, "--format", "ladder", "tcp", "port", "7000"),
    "json": offline("-r", FILE, "--format", "json"),
    "files": offline("-r", FILE, "-q", "--json", "json", "--html", "html", "--svg", "svg", "--mermaid", "mermaid",
                     "-w", "saved"),
    "pair": offline("-r", FAR, "-r", NEAR),
    "pair-fed": fed(FAR.read_bytes(), "-r", "-", "-r", NEAR, "--svg", "svg"),
    "fed": fed(OCTETS, "-r", "-"),
    "as-root": offline("-r", FILE, "-Z", "root", "-w", "saved"),
    "large": made(large(OCTETS)),
    "no-tcp": made(renamed(OCTETS)),
    "no-packets": made(OCTETS[:24]),
    "expected": expected,
    "rotated": rotated,
    "inherited": inherited,
    # Answers that cannot be read end the questions, as the end of the input does.
    "predict": fed(b"6\n8\n" * 20, "-r", FILE, "--predict", strict=False),
    "step": at_terminal([" ", STOPPED, " ", "b", " "], "-r", FILE, "--step"),
    "help": without_stdin("capture", "--help"),
    "explain": offline("--explain", "all"),
    "named": offline("--netns", "there-is-none", "-D", status=2),
    "numbered": offline("--netns", str(os.getpid()), "-D"),
    "forbidden": forbidden,
    "list": offline("-D"),
    "packed": packed,
    "worksheet": offline("-r", FILE, "--worksheet"),
    "server": serving(),
    "server-options": serving("--send", "2000", "--write-size", "500", "--cork", "--no-quickack", "--drain", "10"),
    "server-reset": serving("--close", "reset", "--close-first"),
    "server-shutdown": serving("--close", "shutdown", "--close-first", "--max", "1"),
    "server-ip6": serving("--no-reuse-address", address="::1"),
    "server-help": without_stdin("server", "--help"),
    "client-help": without_stdin("client", "--help"),
    "client": calling("--close", "shutdown"),
    "client-from-many": from_many,
    "client-unread": calling("--read-nothing", "--close-after", "300", "-6", "-b", "7101", "--no-reuse-address", address="::1",
                             peer_options=("--send", "100")),
    "client-options": calling("-b", "7100", "--nodelay", "--quickack", "--close", "reset"),
    "live": live,
    "live-outputs": live_outputs,
    "stuck": stuck,
    "table": table,
    "screen": screen,
}
# With every user that there is, which a user namespace of one's own has not.
if Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]:
    CASES |= {"by-sudo": by_sudo(65534), "by-nobody-known": by_sudo(54321)}
