"""Throws datagrams of noise at a node's port, as fast as Python can.

usage: throw.py HOST PORT COUNT

Ends with 0 and `thrown COUNT`. Run by tests/foreign.rs where there is a python3; it needs nothing else.
"""

import hashlib
import socket
import sys


def throw(host, port, count):
    """Noise, noise like a packet of a connection, like the beginning of one, of a version that there is not, and of every length."""
    noise = hashlib.shake_256(b"noise").digest(1_400)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thrower:
        thrower.connect((host, int(port)))
        for number in range(int(count)):
            fresh = number.to_bytes(8, "big")
            shape = number % 5
            if shape == 0:
                datagram = fresh + noise[8:1_200]
            elif shape == 1:
                datagram = b"\x40" + fresh + noise[9 : 9 + number % 1_300]
            elif shape == 2:
                datagram = b"\xc3\0\0\0\1\x08" + fresh + b"\0\0\x44\x90" + noise[18:1_200]
            elif shape == 3:
                datagram = b"\xc0\x1a\x2a\x3a\x4a\x08" + fresh + b"\x08" + fresh + noise[23:1_200]
            else:
                datagram = noise[: number % 1_400]
            try:
                thrower.send(datagram)
            except ConnectionError:
                raise SystemExit("nobody listens there any more")
    print(f"thrown {count}")


throw(*sys.argv[1:])
