#!/usr/bin/env python3
"""Lets each call fail, one at a time, at every place that makes it (fail_calls.c), and sees what the
programs make of that: no crash, no hang, no report of a sanitizer, and no result that differs from
the right one beside the right exit status. Prints TAP.

Usage: fail_calls.py [--first N] [--every N] CASE...
  --first N   of each place the first N calls (default 2)
  --every N   of those, every Nth alone
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True # nothing is left in the sources' folder
from fail_cases import BIN, CASES, NOT_KNOWN, TESTS, Run, live, live_outputs, stuck

# Crashes of the libraries themselves when their own calls fail (glibc 2.36, libuv 1.44, libpcap 1.10): glibc's
# users' data base asserts; libuv aborts where it has no way to say that its signal pipe or its list
# of handles failed; libseccomp frees twice what it could not make larger, and 2.6 leaves out a rule without a
# word, so that a sanitized program gets no memory and never ends; systemd asserts for its users.
LIBRARIES_OWN = {("malloc", "libc.so.6"), ("pipe2", "libuv.so.1"), ("write", "libuv.so.1"), ("realloc", "libuv.so.1"),
                 ("calloc", "libpcap.so.0.8"), ("realloc", "libseccomp.so.2"), ("calloc", "libseccomp.so.2"),
                 ("sigprocmask", "libnss_systemd.so.2")}
CRASH = re.compile(r"AddressSanitizer: (SEGV|attempting double-free)")
# Where getsockopt() fails, libuv makes up a number, and uv_strerror() leaks the text that it makes of that;
# libseccomp 2.6 leaks what it had of a rule.
LIBRARIES_LEAK = {("getsockopt", "libuv.so.1"), ("calloc", "libseccomp.so.2")}

# ncurses 6.4 has more ways than these, and of the live cases not each run makes the same calls: a crash in one of
# these libraries' own hands is theirs, too, and so is what ncurses leaks.
THEIRS = re.compile(r"lib(tinfo|ncursesw|seccomp)\.so| (capture|common)/")
FRAME = re.compile(r"^ +#\d+ 0x\w+ (.*)$", re.M)
# Of what both ends share, the one has no use for this.
OTHERS_OWN = {("server", "uv_tcp_connect"): "a client's", ("client", "uv_accept"): "a server's",
              ("server", "setsockopt"): "for an address without a port, a client's"}
CALLED = re.compile(r"^\s*([0-9a-f]+):.*\bcall\s.*<(\w+)@plt>")


def places_of(program, names):
    """Where the program itself calls one of these: by the address behind the call, the function and FILE:LINE.
    One line may be several calls to the machine."""
    said = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(BIN / program)], capture_output=True, text=True,
                          check=True).stdout
    called, calls = None, {}
    for line in said.splitlines():
        address = re.match(r"^\s*([0-9a-f]+):", line)
        if address and called:
            calls[int(address[1], 16)] = called
            called = None
        call = CALLED.match(line)
        if call and call[2] in names:
            called = call[2]
    said = subprocess.run(["addr2line", "-e", str(BIN / program), *(hex(a - 1) for a in calls)], capture_output=True,
                          text=True, check=True).stdout
    lines = [os.path.relpath(line.split(" (")[0], TESTS.parent) for line in said.splitlines()]
    return {address: (called, line) for (address, called), line in zip(calls.items(), lines)}


def is_theirs(report):
    """Each stack of a sanitizer's report is in such a library before it is in our sources."""
    stacks = [FRAME.findall(stack) for stack in re.split(r"\n *\n", report)]
    first = [next(filter(THEIRS.search, stack), "") for stack in stacks if stack]
    return bool(first) and all(".so" in frame and (CRASH.search(report) or "seccomp" not in frame) for frame in first)


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
    if case.strict and run.results() != right.results() and NOT_KNOWN not in str(run.results()["stdout"]):
        different = [n for n, r in right.results().items() if run.results().get(n) != r]
        return f"status {run.status}, but not the right result: {different}"
    lacks = set(right.stderr.splitlines()) - set(run.stderr.splitlines())
    if case.strict and right.status == 0 and lacks: # an error may be another
        return f"status {run.status}, and not said: {lacks}"
    if case in (live, live_outputs, stuck) and '"type":"verdict"' not in str(run.results()):
        return f"status {run.status}, but no verdict"
    return None


def try_case(name, options, scratch, taken):
    case, wrong, n = CASES[name], [], 0

    def folder():
        return Path(tempfile.mkdtemp(dir=scratch))

    right = Run(case, folder())
    if right.status != case.status:
        return [f"it ends with {right.status} by itself: {right.stderr}"], 0, set()
    with tempfile.TemporaryFile() as sites:
        Run(case, folder(), sites=sites)
        sites.seek(0)
        places = [line.split() for line in sites.read().decode().splitlines()]
    if not places:
        return ["no call was seen"], 0, set()
    calls, covered = [], set()
    for function, ordinal, place in places:
        if "asan" in place or "ld-linux" in place or case.is_slow and place in taken:
            continue
        calls += [(function, int(ordinal) + i, place) for i in range(options.first)]
    for function, ordinal, place in calls[::options.every]:
        run = Run(case, folder(), fail=f"{function}:{ordinal}")
        n += 1
        covered.add(place)
        problem = judge(case, run, right)
        crashed = run.hangs or run.status in (-6, -11) or (run.status == 99 and CRASH.search(run.stderr))
        who = function, Path(place).name.rsplit("+", 1)[0]
        if crashed and who in LIBRARIES_OWN or "LeakSanitizer" in run.stderr and who in LIBRARIES_LEAK or \
                problem and is_theirs(run.stderr):
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
    names = set(re.findall(r"^FAILING(?:_SO)?\((\w+)", (TESTS / "fail_calls.c").read_text(), re.M))
    print(f"1..{len(cases)}", flush=True)
    taken, reached, failed = set(), {}, 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, name in enumerate(cases, 1):
            wrong, n, covered = try_case(name, options, scratch, taken)
            taken |= covered
            for place in covered:
                module, offset = place.rsplit("+", 1)
                reached.setdefault(Path(module).name, set()).add(int(offset, 16))
            failed += bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} {number} - {name}: {n} calls failed, one at a time", flush=True)
            for text in wrong:
                print("# " + text.rstrip().replace("\n", "\n#   "), flush=True)
    for program in ("capture", "server", "client"):
        if program in reached:
            places = places_of(program, names)
            others = set(places.values()) - {places.get(address) for address in reached.pop(program)}
            n = len(set(places.values()))
            print(f"# {program}: {n - len(others)} of its {n} places, by these cases")
            if not options.cases:
                for function, line in sorted(others, key=lambda place: place[::-1]):
                    why = OTHERS_OWN.get((program, function))
                    print(f"# {program}: not reached: {function} at {line}{f', {why} alone' if why else ''}")
    for module, places in sorted(reached.items()):
        print(f"# {module}: {len(places)} places")
    sys.exit(failed > 0)


main()
