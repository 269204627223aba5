#!/usr/bin/env python3
"""Closes without end, for so many seconds: client to server, and capture beside them, in a network
namespace of their own. Then there must be a verdict for each connection that the kernel opened, no
packet dropped, no descriptor left, and none of the three may have grown.

Usage: soak.py SECONDS     Status: 0, or 1 after saying what was wrong.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(os.environ.get("TEARDOWN_BIN", Path(__file__).resolve().parent.parent / "build/strict"))
PORT, PARALLEL = "7000", 100
# A small table, which is soon touched as a whole; and TIME_WAIT is over soon.
CAPTURE = ["-i", "lo", "-qq", "--msl", "1", "--max-flows", "150", f"tcp port {PORT}"]
WARM_CLOSES, LEAST_CLOSES = 1000, 3000
# What each may grow by without a leak: on a busy machine capture's table of 150 connections is touched for the
# first time all the while, with their models, what rests of them and what the kernel said of them.
SLACK_KIB = {"server": 96, "client": 96, "capture": 768}
# What may be missing for each close, in octets: less than the least that malloc gives.
SLOPE_OCTETS = 4


def start(name, folder, *options):
    with open(folder / name, "wb") as said:
        return subprocess.Popen([BIN / name, *options], stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def rss_kib(process):
    """Its own: what of the kernel's buffers a busy machine makes it touch is the kernel's."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1])


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def opened():
    """By the kernel's own count, of this namespace."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


def wait_until(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.02)
    sys.exit("soak: not within a minute")


def slope(points):
    """Of a straight line through them, by least squares."""
    n = len(points)
    mean_x, mean_y = (sum(p[i] for p in points) / n for i in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def end(process, number):
    process.send_signal(number)
    return process.wait(60)


def soak(seconds, folder):
    wrong = []
    server = start("server", folder, "-q", "-p", PORT, "-l", "127.0.0.1", "--close-delay", "0")
    capture = start("capture", folder, *CAPTURE)
    wait_until(lambda: subprocess.run(["ss", "-Hltn", f"sport = :{PORT}"], capture_output=True, check=True).stdout)
    wait_until(lambda: "Seccomp:\t2" in Path(f"/proc/{capture.pid}/status").read_text()) # it is ready
    before = descriptors(server), descriptors(capture)
    client = start("client", folder, "-q", "--count", "1000000000", "--parallel", str(PARALLEL), "--close-after", "0",
                   "--close", "shutdown", "127.0.0.1", PORT)
    processes = {"server": server, "client": client, "capture": capture}
    samples = {name: [] for name in processes}
    begun, closes = time.monotonic(), 0
    while time.monotonic() < begun + (seconds if closes >= LEAST_CLOSES else max(seconds, 60)):
        time.sleep(min(1, seconds / 40))
        for name, process in processes.items():
            if process.poll() is not None:
                sys.exit(f"soak: {name} ended: " + (folder / name).read_text())
        closes = opened()
        for name, process in processes.items():
            samples[name].append((closes, rss_kib(process), descriptors(process)))
    status = end(client, signal.SIGINT)
    if status not in (130, 1):
        wrong.append(f"the client's status is {status}")
    wait_until(lambda: not subprocess.run(["ss", "-Htn", "state", "established"], capture_output=True,
                                          check=True).stdout)
    # What lies in the kernel's buffer is read before the summary.
    wait_until(lambda: descriptors(server) == before[0])
    wait_until(lambda: descriptors(capture) <= before[1]) # it may look for the holder of a socket just now
    if end(capture, signal.SIGINT) != 0:
        wrong.append("capture found something wrong")
    if end(server, signal.SIGTERM) != 0:
        wrong.append("the server found something wrong")
    said, closes = (folder / "capture").read_text(), opened()
    summary = re.search(r"(\d+) segments, (\d+) connections?, (.*)", said)
    endings = {what: int(n) for n, what in re.findall(r"(\d+) ([a-z0-9-]+)", summary[3])}
    verdicts = sum(n for what, n in endings.items() if what != "open")
    dropped = int(re.search(r"(\d+) dropped by kernel", said)[1])
    if verdicts != closes and dropped == 0:
        wrong.append(f"{closes} connections, {verdicts} verdicts")
    if dropped > 0:
        print(f"# {dropped} packets were dropped: the verdicts cannot be counted")
    print(f"# {closes} closes in {time.monotonic() - begun:.0f} s, {summary[1]} segments, {dropped} dropped; "
          f"{verdicts} verdicts: {summary[3]}")
    for name, all_points in samples.items():
        points = [p for p in all_points[len(all_points) // 3:] if p[0] >= WARM_CLOSES]
        if len(points) < 3:
            print(f"# {name}: too slow here to see whether it grows")
            continue
        octets = slope([p[:2] for p in points]) * 1024
        grown = points[-1][1] - points[0][1]
        print(f"# {name}: {points[0][1]} to {points[-1][1]} KiB, {octets:+.3f} octets a close; "
              f"{max(p[2] for p in all_points)} descriptors at most")
        if grown > SLACK_KIB[name] and octets > SLOPE_OCTETS:
            wrong.append(f"{name} grows: {grown} KiB, {octets:.1f} octets a close")
        if max(p[2] for p in all_points) > PARALLEL + 50 and name == "client":
            wrong.append("the client keeps descriptors")
    return wrong


def main():
    with tempfile.TemporaryDirectory() as folder:
        wrong = soak(float(sys.argv[1]), Path(folder))
    for text in wrong:
        print(f"# {text}")
    sys.exit(bool(wrong))


main()
