#!/usr/bin/env python3
"""Writes a capture of too much of something to stdout: limits.py WHAT N.

  syns        SYNs of N four-tuples                      fins        the same of FINs
  half-open   N handshakes without their last ACK, around one whole connection
  copies      a FIN that is sent N times, and answered   backwards   N segments, the last one first
  clock       N closes, at times that jump and run backwards
  zeros       a packet, and records of no octets for ever, or until there are N
"""
import struct
import sys

SYN, ACK, FIN = 2, 16, 1
T0_US = 1_700_000_000_000_000
out = sys.stdout.buffer


def packet(t_us, client, flags, seq, ack, size=0, from_client=True, ident=0):
    """Raw IPv4, from or to client number `client`; its payload is not captured."""
    address = (0x0A000000 | client >> 14, 0xC0000201)
    port = (1024 + (client & 0x3FFF), 443)
    s, d = (0, 1) if from_client else (1, 0)
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + size, ident & 0xFFFF, 0, 64, 6, 0, address[s], address[d])
    tcp = struct.pack(">HHIIBBHHH", port[s], port[d], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 65535, 0, 0)
    record = struct.pack("<IIII", t_us // 1_000_000, t_us % 1_000_000, 40, 40 + size)
    out.write(record + ip + tcp)


def opening(t_us, client):
    packet(t_us, client, SYN, 1000, 0)
    packet(t_us + 10, client, SYN | ACK, 5000, 1001, from_client=False)


def close(t_us, client, seq=1001):
    packet(t_us, client, FIN | ACK, seq, 5001)
    packet(t_us + 10, client, ACK, 5001, seq + 1, from_client=False)
    packet(t_us + 20, client, FIN | ACK, 5001, seq + 1, from_client=False)
    packet(t_us + 30, client, ACK, seq + 1, 5002)


def whole(t_us, client):
    opening(t_us, client)
    packet(t_us + 20, client, ACK, 1001, 5001)
    close(t_us + 100, client)


def main():
    what, n = sys.argv[1], int(sys.argv[2])
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    if what in ("syns", "fins"):
        for i in range(n):
            packet(T0_US + i, i, SYN if what == "syns" else FIN | ACK, 1000, 0 if what == "syns" else 5000)
    elif what == "half-open":
        opening(T0_US, 0)
        packet(T0_US + 20, 0, ACK, 1001, 5001)
        for i in range(1, n):
            opening(T0_US + 1000 + i * 20, i)
        close(T0_US + 2000 + n * 20, 0)
    elif what == "copies":
        opening(T0_US, 0)
        packet(T0_US + 20, 0, ACK, 1001, 5001)
        for i in range(n):
            packet(T0_US + 1000 + i * 200_000, 0, FIN | ACK, 1001, 5001, ident=i)
        packet(T0_US + 1000 + n * 200_000, 0, FIN | ACK, 5001, 1002, from_client=False)
        packet(T0_US + 1010 + n * 200_000, 0, ACK, 1002, 5002)
    elif what == "backwards":
        opening(T0_US, 0)
        packet(T0_US + 20, 0, ACK, 1001, 5001)
        for i in range(n):
            packet(T0_US + 100 + i, 0, ACK, 1001 + (n - 1 - i) * 100, 5001, size=100, ident=i)
        packet(T0_US + 200 + n, 0, ACK, 5001, 1001 + n * 100, from_client=False)
        close(T0_US + 300 + n, 0, 1001 + n * 100)
    elif what == "clock":
        for i in range(n):
            whole(T0_US + (0, 86_400_000_000, -3_600_000_000, 2_500_000_000_000_000, -T0_US)[i % 5] + i, i % 7)
    elif what == "zeros":
        whole(T0_US, 0)
        nothing = bytes(1 << 16)
        while n < 0 or n > 0:
            out.write(nothing)
            n -= 1


try:
    main()
except BrokenPipeError:
    sys.stderr.close()
