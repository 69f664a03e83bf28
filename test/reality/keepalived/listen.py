"""Tells adverts and announcements that cross a bridge, a line of JSON for each.

    listen.py INTERFACE
"""

import json
import socket
import struct
import sys
import time

EVERY_PROTOCOL = 3
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_MR_PROMISC = 1


def dotted(data):
    return ".".join(str(one) for one in data)


def told(frame):
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 112:
        body = frame[14 + (frame[14] & 15) * 4 :]
        return {"advert": body[2], "from": dotted(frame[26:30])}
    if kind == b"\x08\x06" and frame[28:32] == frame[38:42]:
        return {"announced": dotted(frame[28:32]), "mac": frame[6:12].hex()}
    return None


def main():
    name = sys.argv[1]
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
    one.bind((name, 0))
    index = socket.if_nametoindex(name)
    member = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
    one.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
    print(json.dumps({"ready": True}), flush=True)
    while True:
        found = told(one.recv(2000))
        if found is not None:
            print(json.dumps({"at": time.time(), **found}), flush=True)


main()
