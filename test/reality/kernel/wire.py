"""Puts frames on interfaces and tells what comes out of them.

    wire.py INTERFACE...

Reads lines `["INTERFACE", "hex"]` and answers each with the list of the frames that came in on all
interfaces until nothing moved any more, in the same form.
"""

import json
import select
import socket
import sys
import time

EVERY_PROTOCOL = 3
OUTGOING = 4
QUIET_S = 0.05
LONGEST_S = 1.0


def opened(name):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    one.bind((name, 0))
    return one


def gathered(sockets):
    found = []
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        ready, _, _ = select.select(list(sockets), [], [], QUIET_S)
        if not ready:
            break
        for one in ready:
            frame, place = one.recvfrom(65536)
            if place[2] != OUTGOING:
                found.append([sockets[one], frame.hex()])
    return found


def main():
    sockets = {opened(name): name for name in sys.argv[1:]}
    by_name = {name: one for one, name in sockets.items()}
    gathered(sockets)
    for line in sys.stdin:
        name, frame = json.loads(line)
        by_name[name].send(bytes.fromhex(frame))
        print(json.dumps(gathered(sockets)), flush=True)


main()
